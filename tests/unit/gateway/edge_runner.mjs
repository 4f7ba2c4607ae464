// Gives each target of stdin (a JSON list) to the CloudFront Function as CloudFront does, and prints what it returned.
// `raw: false` leaves `rawQueryString` out, as a test in the console does.
import { readFileSync } from 'node:fs';
import { createContext, Script } from 'node:vm';

const { source, targets, raw } = JSON.parse(readFileSync(0, 'utf8'));

// Only the language itself: no `require`, `process`, timers or `fetch`, so that whatever leans on Node fails.
const edge = createContext({});
new Script(readFileSync(source, 'utf8'), { filename: source }).runInContext(edge);

function request(target) {
  const mark = target.indexOf('?');
  const query = mark < 0 ? undefined : target.slice(mark + 1);
  const parsed = Object.create(null);
  for (const part of (query ?? '').split('&').filter(Boolean)) {
    const [name, ...value] = part.split('=');
    const one = { value: value.join('=') };
    if (Object.hasOwn(parsed, name)) {
      (parsed[name].multiValue ??= [{ value: parsed[name].value }]).push(one);
    } else {
      parsed[name] = one;
    }
  }
  return {
    method: 'GET',
    uri: mark < 0 ? target : target.slice(0, mark),
    querystring: parsed,
    headers: { host: { value: 'd1.example' }, 'sec-websocket-version': { value: '13' } },
    cookies: {},
    ...(raw ? { rawQueryString: () => query } : {}),
  };
}

const answers = targets.map((target) => {
  const event = {
    version: '1.0',
    context: { distributionDomainName: 'd1.example', distributionId: 'E1', eventType: 'viewer-request', requestId: 'r' },
    viewer: { ip: '192.0.2.1' },
    request: request(target),
  };
  const before = JSON.stringify(event.request);
  const answer = edge.handler(event);
  const untouched = answer === event.request && JSON.stringify(answer) === before;
  return { answer, untouched };
});
process.stdout.write(JSON.stringify(answers));
