import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { createEgress, type Egress, type InjectedCredential } from '@keyward/egress';
import { HostileServer } from '@keyward/testing/hostile-server';
import { callMcpTool, type McpToolCall } from './call-mcp-tool.js';
import { McpServers } from './mcp-servers.js';

const SECRET = 'kw-canary-token-0123456789';
const CREDENTIAL: InjectedCredential = { in: 'header', name: 'x-mcp-key', prefix: 'Key ', secret: SECRET };
const RESULT = { content: [{ type: 'text', text: 'done' }], structuredContent: { done: true } };

interface Message {
  id?: number | string;
  method: string;
}
type Script = (message: Message, response: ServerResponse) => void;

let server: HostileServer;
let egress: Egress;
let servers: McpServers;

beforeEach(async () => {
  server = await HostileServer.start();
  egress = createEgress({ privateOrigins: [server.origin] });
  servers = new McpServers();
});
afterEach(async () => {
  await egress.close();
  await server.stop();
});

/** @param calling what the server does with anything but its handshake */
function speaks(era: 'modern' | 'legacy' | 'session', calling: Script): void {
  server.answer = (request, response, body) => {
    if (request.method === 'DELETE') return void response.writeHead(200).end();
    const message = JSON.parse(body) as Message;
    const result = era === 'modern' ? modern[message.method] : legacy[message.method];
    if (message.method === 'notifications/initialized') response.writeHead(202).end();
    else if (result !== undefined)
      json(response, { id: message.id, result }, era === 'session' ? { 'mcp-session-id': 's1' } : {});
    else if (message.method === 'server/discover') json(response, { id: message.id, error: { code: -32601, message: 'no' } });
    else calling(message, response);
  };
}

const modern: Record<string, unknown> = {
  'server/discover': {
    ...{
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      resultType: 'complete',
      ttlMs: 0,
      cacheScope: 'private',
    },
  },
};
const legacy: Record<string, unknown> = {
  initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } },
};

function json(response: ServerResponse, message: object, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ jsonrpc: '2.0', ...message }));
}

const done: Script = ({ id }, response) => json(response, { id, result: { resultType: 'complete', ...RESULT } });

async function call(more: Partial<McpToolCall> = {}) {
  const wanted = { url: `${server.origin}/mcp`, headers: {}, tool: 'do_it', arguments: { a: 1 }, timeoutMs: 2_000 };
  const { signal = new AbortController().signal } = more;
  const attempt = await callMcpTool(servers, { ...wanted, ...more, signal }, (request) =>
    egress.send({
      ...{ provider: 'acme', origins: [server.origin], credential: CREDENTIAL, timeoutMs: 2_000, maxBytes: 10_000, signal },
      ...request,
    }),
  );
  if ('error' in attempt) return { error: attempt.error.code, mayHave: attempt.error.requestMayHaveBeenProcessed };
  return { status: attempt.response.status, body: attempt.response.body.toString() };
}

const methods = () =>
  server.requests.map(({ method, body }) => (method === 'POST' ? (JSON.parse(body) as Message).method : method));

describe.each(['modern', 'legacy'] as const)('a tool of a server of the %s era', (era) => {
  it('is called with the credential in every request, and asked for its era only once', async () => {
    speaks(era, done);
    const once = await call({ headers: { 'x-own': 'a', 'mcp-protocol-version': '1999-01-01', accept: 'application/json' } });
    expect(once.status).toBe(200);
    expect(JSON.parse(once.body ?? '')).toMatchObject(RESULT);
    expect(server.requests.every(({ headers }) => headers['x-mcp-key'] === `Key ${SECRET}`)).toBe(true);
    expect(server.requests.every(({ headers }) => headers['x-own'] === 'a')).toBe(true);
    expect(server.requests.some(({ headers }) => headers['mcp-protocol-version'] === '1999-01-01')).toBe(false);
    const handshake = era === 'modern' ? [] : ['initialize', 'notifications/initialized'];
    expect(methods()).toEqual(['server/discover', ...handshake, 'tools/call']);
    server.requests.length = 0;
    await call();
    expect(methods()).toEqual([...handshake, 'tools/call']);
  });

  it('answers by a stream that it leaves open, with what it has to say before', async () => {
    speaks(era, ({ id }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const progress = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } };
      response.write(`: hello\r\n\r\nevent: message\r\ndata: ${JSON.stringify(progress)}\r\n\r\n`);
      const result = { jsonrpc: '2.0', id, result: { resultType: 'complete', ...RESULT } };
      const [head, tail] = [JSON.stringify(result).slice(0, 20), JSON.stringify(result).slice(20)];
      setImmediate(() => {
        response.write(`data: ${head}`);
        setImmediate(() => response.write(`${tail}\n\n`));
      });
    });
    const { status, body } = await call();
    expect(status).toBe(200);
    expect(JSON.parse(body ?? '')).toMatchObject(RESULT);
  });

  it.each([401, 403, 429, 500, 503])('is judged by the status %i of its answer', async (status) => {
    speaks(era, (_message, response) => response.writeHead(status, { 'retry-after': '7' }).end('{"why":"so"}'));
    expect(await call()).toEqual({ status, body: '{"why":"so"}' });
  });

  it('may have been carried out where the answer breaks off, is too large or makes no sense', async () => {
    speaks(era, (_message, response) => response.destroy());
    expect(await call()).toEqual({ error: 'provider_unavailable', mayHave: true });
    speaks(era, (_message, response) => response.end('x'.repeat(20_000)));
    expect(await call()).toEqual({ error: 'response_too_large', mayHave: true });
    speaks(era, (_message, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello'));
    expect(await call()).toEqual({ error: 'provider_error', mayHave: true });
    speaks(era, (_message, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {}\n\n'));
    expect(await call()).toEqual({ error: 'provider_unavailable', mayHave: true });
    speaks(era, (_message, response) => json(response, { id: 'of another', result: RESULT }));
    expect(await call({ timeoutMs: 100 })).toEqual({ error: 'deadline_exceeded', mayHave: true });
  });

  it('tells of an error of the protocol as JSON-RPC writes it, and of one of the tool as it is', async () => {
    speaks(era, ({ id }, response) => json(response, { id, error: { code: -32602, message: 'No such tool' } }));
    expect(await call()).toEqual({ status: 200, body: '{"error":{"code":-32602,"message":"No such tool"}}' });
    const failed = { isError: true, content: [{ type: 'text', text: 'Not today' }] };
    speaks(era, ({ id }, response) => json(response, { id, result: { resultType: 'complete', ...failed } }));
    expect(JSON.parse((await call()).body ?? '')).toMatchObject(failed);
  });

  it('never gives a credential back that the server echoes', async () => {
    speaks(era, ({ id }, response) => {
      json(response, { id, result: { resultType: 'complete', content: [{ type: 'text', text: `you are ${SECRET}` }] } });
    });
    expect((await call()).body).toContain('you are [redacted]');
  });
});

describe('a handshake that fails', () => {
  it.each<[string, Script, object]>([
    ['with 401', (_message, response) => response.writeHead(401).end('no'), { status: 401, body: 'no' }],
    ['with 429', (_message, response) => response.writeHead(429).end('no'), { status: 429, body: 'no' }],
    ['with 503', (_message, response) => response.writeHead(503).end(), { error: 'provider_unavailable', mayHave: false }],
    ['without an answer', (_message, response) => response.destroy(), { error: 'provider_unavailable', mayHave: false }],
    ['with nonsense', (_message, response) => response.end('hello'), { error: 'provider_error', mayHave: false }],
  ])('%s has carried nothing out', async (_how, answer, expected) => {
    server.answer = (_request, response, body) => answer(JSON.parse(body) as Message, response);
    expect(await call()).toEqual(expected);
    expect(methods()).not.toContain('tools/call');
  });
});

describe('what is kept of a server', () => {
  it('ends with its session, which is taken leave of', async () => {
    speaks('session', done);
    expect(await call()).toMatchObject({ status: 200 });
    expect(methods()).toEqual(['server/discover', 'initialize', 'notifications/initialized', 'tools/call', 'DELETE']);
    expect(server.requests.at(-1)?.headers['mcp-session-id']).toBe('s1');
  });

  it('does not keep the result waiting where the server does not say goodbye, and goes unsaid where time is short', async () => {
    speaks('session', done);
    const { answer } = server;
    server.answer = (request, response, body) => {
      if (request.method !== 'DELETE') answer(request, response, body);
    };
    expect(await call({ timeoutMs: 20_000 })).toMatchObject({ status: 200 });
    expect(methods().at(-1)).toBe('DELETE');
    server.requests.length = 0;
    expect(await call({ timeoutMs: 900 })).toMatchObject({ status: 200 });
    expect(methods()).not.toContain('DELETE');
  });

  it('is forgotten with the first failure, and after a while', async () => {
    let now = 0;
    servers = new McpServers(() => now);
    speaks('modern', done);
    await call();
    speaks('legacy', done);
    expect(await call()).toMatchObject({ status: 200 });
    now = 11 * 60_000;
    server.requests.length = 0;
    expect(await call()).toMatchObject({ status: 200 });
    expect(methods()[0]).toBe('server/discover');
    speaks('modern', (_message, response) => response.writeHead(400).end());
    await call();
    server.requests.length = 0;
    speaks('modern', done);
    await call();
    expect(methods()).toEqual(['server/discover', 'tools/call']);
  });
});

describe('a call that is no longer wanted', () => {
  it.each<['modern' | 'legacy', string]>([
    ['modern', 'server/discover'],
    ['modern', 'tools/call'],
    ['legacy', 'initialize'],
    ['legacy', 'tools/call'],
  ])('ends at once: %s, during %s', async (era, during) => {
    const controller = new AbortController();
    const closed = new Promise<void>((resolve) => {
      const ending: Script = (_message, response) => {
        response.once('close', () => resolve());
        controller.abort(new KeywardError('revoked', 'It was disconnected.'));
      };
      speaks(era, ending);
      const { answer } = server;
      server.answer = (request, response, body) => {
        const message = JSON.parse(body) as Message;
        if (message.method === during) ending(message, response);
        else answer(request, response, body);
      };
    });
    expect(await call({ signal: controller.signal })).toEqual({ error: 'revoked', mayHave: during === 'tools/call' });
    await closed;
  });
});
