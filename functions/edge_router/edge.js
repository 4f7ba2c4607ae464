// CloudFront Function (cloudfront-js-2.0), viewer request of the behaviour `/*/ws`, whose origin is the WebSocket
// API with the stage as its path: turns `/{qualifiedName}/ws?...` into the query that $connect gets.
//
// The local gateway's `route` in local/mooring_local/gateway/edge.py does the same, and one table of cases,
// tests/unit/gateway/edge_cases.json, holds both to it. No syntax newer than what the runtime has: it is no Node.

const SERVER = '_server';
const ENDING = '/ws';

function handler(event) {
  const request = event.request;
  const uri = request.uri;
  if (uri.slice(-ENDING.length) !== ENDING) {
    return request;
  }
  const name = qualifiedName(uri);
  if (name === null) {
    return notFound();
  }
  const kept = sentParameters(request).filter(isTheClients);
  // After the stage API Gateway takes no path but this one, and answers 403 to any other.
  request.uri = '/';
  request.querystring = [SERVER + '=' + encodeURIComponent(name)].concat(kept).join('&');
  return request;
}

// The name as given, only decoded: with its `@` and in its letter case; null if it is not two parts.
function qualifiedName(uri) {
  const escaped = uri.slice(1, -ENDING.length);
  // Raw bytes beyond ASCII have no place in a target, and each proxy reads them its own way.
  if (uri.charAt(0) !== '/' || /[^\x00-\x7f]/.test(escaped)) {
    return null;
  }
  const name = decoded(escaped);
  if (name === null) {
    return null;
  }
  const parts = name.replace(/^@/, '').split('/');
  return parts.length === 2 && parts[0] !== '' && parts[1] !== '' ? name : null;
}

// Escapes, order and repetitions as the client sent them. CloudFront's parsed `querystring` has the escapes, but
// puts repeated names together; it is all there is where a test of the console or an emulator gives no raw query.
function sentParameters(request) {
  const raw = typeof request.rawQueryString === 'function' ? request.rawQueryString() : '';
  if (raw) {
    return raw.split('&').filter(function (part) {
      return part !== '';
    });
  }
  const parameters = [];
  Object.keys(request.querystring).forEach(function (name) {
    const parameter = request.querystring[name];
    (parameter.multiValue || [parameter]).forEach(function (one) {
      parameters.push(name + '=' + one.value);
    });
  });
  return parameters;
}

// Not `_server` in any spelling, and nothing whose name cannot be decoded: who knows what API Gateway reads there.
function isTheClients(parameter) {
  const name = decoded(parameter.split('=')[0]);
  return name !== null && name !== SERVER;
}

function decoded(escaped) {
  try {
    return decodeURIComponent(escaped);
  } catch (error) {
    return null; // a broken escape, or bytes that are not UTF-8
  }
}

function notFound() {
  const told = { error: 'ServerNotFound', message: 'a WebSocket client connects to /{owner}/{name}/ws' };
  return {
    statusCode: 404,
    statusDescription: 'Not Found',
    headers: { 'content-type': { value: 'application/json' } },
    body: { encoding: 'text', data: JSON.stringify(told) },
  };
}
