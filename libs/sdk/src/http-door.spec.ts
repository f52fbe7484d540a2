import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KeywardError, newId, toProblem } from '@keyward/contracts';
import { connectAgent } from './agent.js';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A real HTTP server with the given answers; apps/gateway's own tests use the SDK against the gateway itself. */
async function agentOf(handler: (request: IncomingMessage, reply: ServerResponse) => void) {
  server = createServer(handler);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return connectAgent({ gatewayUrl: `http://127.0.0.1:${port}/`, agentKey: 'kwa_test' });
}

const succeeded = {
  tool: 't',
  state: 'succeeded',
  output: 1,
  connection: null,
  attempts: 1,
  durationMs: 1,
  traceId: '0'.repeat(32),
};

describe('the SDK over HTTP', () => {
  it('returns the result of a call that succeeded and sends the key as bearer token', async () => {
    const id = newId('exe');
    const agent = await agentOf((request, reply) => {
      expect(request.headers.authorization).toBe('Bearer kwa_test');
      expect(request.url).toBe('/v1/tools/sandbox_echo/execute');
      reply.end(JSON.stringify({ id, ...succeeded }));
    });
    await expect(agent.execute('sandbox_echo', { user: 'usr_ada' })).resolves.toEqual({ id, ...succeeded });
  });

  it('throws what the gateway refused, with its code and details', async () => {
    const agent = await agentOf((_request, reply) => {
      const error = new KeywardError('invalid_arguments', 'Not valid.', {
        details: { errors: [{ pointer: '/id', detail: 'x' }] },
      });
      reply.writeHead(400).end(JSON.stringify(toProblem(error, 'f'.repeat(32))));
    });
    await expect(agent.execute('t', { user: 'usr_ada' })).rejects.toMatchObject({
      code: 'invalid_arguments',
      message: 'Not valid.',
      details: { errors: [{ pointer: '/id', detail: 'x' }] },
    });
  });

  it('throws outcome_unknown with the execution’s id when only a receipt came', async () => {
    const id = newId('exe');
    const agent = await agentOf((_request, reply) => reply.writeHead(202).end(JSON.stringify({ id, state: 'queued' })));
    await expect(agent.execute('t', { user: 'usr_ada' })).rejects.toMatchObject({
      code: 'outcome_unknown',
      details: { executionId: id },
    });
  });

  it('says outcome_unknown when the connection breaks under a call, dependency_unavailable under a question', async () => {
    const agent = await agentOf((request) => request.socket.destroy());
    await expect(agent.execute('t', { user: 'usr_ada' })).rejects.toMatchObject({ code: 'outcome_unknown' });
    await expect(agent.tools()).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('says dependency_unavailable when nobody listens: nothing can have been executed', async () => {
    const agent = await agentOf(() => undefined);
    await new Promise((resolve) => server?.close(resolve));
    await expect(agent.execute('t', { user: 'usr_ada' })).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('does not carry the key along a redirect', async () => {
    const seen: (string | undefined)[] = [];
    const agent = await agentOf((request, reply) => {
      seen.push(request.url);
      reply.writeHead(307, { location: '/elsewhere' }).end();
    });
    await expect(agent.tools()).rejects.toMatchObject({ code: 'dependency_unavailable' });
    expect(seen).toEqual(['/v1/tools?']);
  });

  it('does not take a page of something else for an answer', async () => {
    const agent = await agentOf((_request, reply) => reply.writeHead(502).end('<html>Bad gateway</html>'));
    await expect(agent.tools()).rejects.toMatchObject({ code: 'dependency_unavailable' });
  });

  it('reads the tools of all pages', async () => {
    const agent = await agentOf((request, reply) => {
      const cursor = new URL(request.url ?? '', 'http://x').searchParams.get('cursor');
      reply.end(JSON.stringify({ tools: [{ name: cursor ?? 'first' }], nextCursor: cursor === null ? 'second' : null }));
    });
    const tools = await agent.tools({ connector: 'sandbox' });
    expect(tools.map(({ name }) => name)).toEqual(['first', 'second']);
  });
});

describe('connectAgent', () => {
  it.each([
    [{}, /needs natsUrl and credsFile, or gatewayUrl and agentKey/],
    [{ natsUrl: 'nats://127.0.0.1:1' }, /natsUrl and credsFile go together/],
    [{ agentKey: 'kwa_x' }, /gatewayUrl and agentKey go together/],
    [{ natsUrl: 'nats://127.0.0.1:1', credsFile: '/nonexistent/agent.creds' }, /can not be read/],
  ])('refuses options that lead nowhere: %j', async (options, sentence) => {
    await expect(connectAgent(options)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(sentence),
    });
  });
});
