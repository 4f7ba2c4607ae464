// The stock JavaScript client: @modelcontextprotocol/sdk over its own WebSocket, HTTP or stdio transport.
//
// Reads {"target", "scenario"} as JSON from stdin (tests/clients/scenarios.py), prints what it saw as JSON.
import { text } from "node:stream/consumers";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // Node has its own from 22 on

const ANSWERED = {
  "sampling/createMessage": CreateMessageRequestSchema,
  "elicitation/create": ElicitRequestSchema,
  "roots/list": ListRootsRequestSchema,
};
const CAPABILITIES = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };

const { target, scenario } = JSON.parse(await text(process.stdin));
const seen = { server: {}, results: {}, progress: {}, notifications: {}, answered: {}, strays: [] };
let notified = () => {};

const client = new Client({ name: "stock-js", version: "1" }, { capabilities: CAPABILITIES });
for (const [method, answer] of Object.entries(scenario.answers)) {
  client.setRequestHandler(ANSWERED[method], (request) => {
    (seen.answered[method] ??= []).push(request.params ?? {});
    return answer;
  });
}
client.fallbackNotificationHandler = async ({ method, params }) => {
  (seen.notifications[method] ??= []).push(params ?? {});
  notified();
};
client.onerror = (error) => {
  // Progress of a cancelled call may still be on its way; an answer to it must not be.
  if (!error.message.includes("progress notification for an unknown token")) seen.strays.push(error.message);
};

const methods = {
  "tools/list": (params) => client.listTools(params),
  "tools/call": (params, options) => client.callTool(params, undefined, options),
  "prompts/list": (params) => client.listPrompts(params),
  "prompts/get": (params) => client.getPrompt(params),
  "completion/complete": (params) => client.complete(params),
  "resources/list": (params) => client.listResources(params),
  "resources/templates/list": (params) => client.listResourceTemplates(params),
  "resources/read": (params) => client.readResource(params),
  "resources/subscribe": (params) => client.subscribeResource(params),
  "resources/unsubscribe": (params) => client.unsubscribeResource(params),
  "logging/setLevel": ({ level }) => client.setLoggingLevel(level),
  wait: waitFor,
};

async function waitFor({ notification, text }) {
  const has = () => seen.notifications[notification]?.some((params) => JSON.stringify(params).includes(text));
  while (!has()) await new Promise((resolve) => (notified = resolve));
  return {};
}

async function play({ label, method, params, abandon }) {
  const cancelling = new AbortController();
  const onprogress = ({ progress, total }) => {
    (seen.progress[label] ??= []).push([progress, total]);
    if (abandon) cancelling.abort("no longer wanted");
  };
  try {
    return { result: await methods[method](params, { onprogress, signal: cancelling.signal }) };
  } catch (error) {
    if (cancelling.signal.aborted) return { cancelled: true };
    if (error.code === undefined) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

function transport({ url, headers }) {
  if (headers) return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  return url ? new WebSocketClientTransport(new URL(url)) : new StdioClientTransport(target);
}

await client.connect(transport(target));
seen.server = {
  info: client.getServerVersion(),
  capabilities: client.getServerCapabilities(),
  instructions: client.getInstructions(),
};
for (const step of scenario.steps) seen.results[step.label] = await play(step);
await client.close();
process.stdout.write(JSON.stringify(seen));
