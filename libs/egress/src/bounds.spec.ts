import type { ServerResponse } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { HostileServer, rawServer } from '@keyward/testing/hostile-server';
import { createEgress, EgressError, type Egress, type EgressRequest } from './index.js';

let server: HostileServer;
let egress: Egress;
beforeEach(async () => {
  server = await HostileServer.start();
  egress = createEgress({ privateOrigins: [server.origin] });
});
afterEach(async () => {
  await egress.close();
  await server.stop();
});

function request(path: string, more: Partial<EgressRequest> = {}): EgressRequest {
  const origins = [server.origin];
  return {
    provider: 'acme',
    origins,
    method: 'GET',
    url: server.origin + path,
    headers: {},
    timeoutMs: 5_000,
    maxBytes: 100_000,
    ...more,
  };
}

async function failure(promise: Promise<unknown>): Promise<EgressError> {
  try {
    await promise;
  } catch (error) {
    expect(error).toBeInstanceOf(EgressError);
    return error as EgressError;
  }
  throw new Error('it did not fail');
}

async function expectFailureOf(raw: { origin: string; stop(): Promise<void> }, expected: Partial<EgressError>): Promise<void> {
  const inside = createEgress({ privateOrigins: [raw.origin] });
  expect(await failure(inside.send(request('/', { url: `${raw.origin}/`, origins: [raw.origin] })))).toMatchObject(expected);
  await inside.close();
  await raw.stop();
}

describe('bounds', () => {
  it('the decoded body: a bomb of 64 MB ends as response_too_large', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1_048_576));
    server.answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    expect(await failure(egress.send(request('/', { maxBytes: 1_048_576 })))).toMatchObject({ code: 'response_too_large' });
  });

  it('decodes what it asked for and refuses other codings', async () => {
    server.answer = (incoming, response) => {
      const coding = String(incoming.url).slice(1);
      const text = 'hello '.repeat(100);
      response
        .writeHead(200, { 'content-encoding': coding })
        .end(coding === 'br' ? brotliCompressSync(text) : coding === 'gzip' ? gzipSync(text) : text);
    };
    for (const coding of ['gzip', 'br', 'identity']) {
      const response = await egress.send(request(`/${coding}`));
      expect(response.body.toString()).toBe('hello '.repeat(100));
      expect(response.headers['content-encoding']).toBeUndefined();
    }
    for (const coding of ['compress', 'constructor', 'deflate']) {
      expect((await failure(egress.send(request(`/${coding}`)))).code).toBe('provider_unavailable');
    }
  });

  it.each([
    ['announced', (response: ServerResponse) => response.writeHead(200, { 'content-length': '200000' }).write('x')],
    [
      'not announced',
      (response: ServerResponse) => {
        for (let n = 0; n < 200; n++) response.write('x'.repeat(1000));
      },
    ],
  ])('the body on the wire, %s', async (_what, send) => {
    server.answer = (_request, response) => void send(response);
    expect(await failure(egress.send(request('/')))).toMatchObject({
      code: 'response_too_large',
      requestMayHaveBeenProcessed: true,
    });
  });

  it('header fields', async () => {
    const raw = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const flood = () => {
        while (socket.writable && socket.write(`x-${'a'.repeat(60_000)}: 1\r\n`));
      };
      socket.on('drain', flood);
      flood();
    });
    await expectFailureOf(raw, { code: 'response_too_large' });
  });

  it('time: an answer that stalls in the middle ends at the deadline', async () => {
    server.answer = (_request, response) => void response.writeHead(200, { 'content-length': '10' }).write('12345');
    expect(await failure(egress.send(request('/', { timeoutMs: 150 })))).toMatchObject({
      code: 'deadline_exceeded',
      requestMayHaveBeenProcessed: true,
    });
  });

  it('an aborted call stops at once, before and while it runs', async () => {
    server.answer = () => undefined;
    const controller = new AbortController();
    const running = failure(egress.send(request('/', { signal: controller.signal })));
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new KeywardError('revoked', 'The connection was revoked.'));
    expect(await running).toMatchObject({ code: 'revoked', requestMayHaveBeenProcessed: true });
    expect(await failure(egress.send(request('/', { signal: controller.signal })))).toMatchObject({
      requestMayHaveBeenProcessed: false,
    });
  });
});

describe('knows whether the provider can have seen the request', () => {
  it('no: nobody listens', async () => {
    await server.stop();
    expect(await failure(egress.send(request('/', { method: 'POST', body: 'x' })))).toMatchObject({
      code: 'provider_unavailable',
      requestMayHaveBeenProcessed: false,
    });
  });

  it('no: its time ran out while it waited for a connection, and it is not sent once there is one', async () => {
    const origin = `http://late.example:${server.port}`;
    const { promise, resolve } = Promise.withResolvers<{ address: string; family: number }[]>();
    const late = createEgress({ privateOrigins: [origin], resolve: () => promise });
    const to = (path: string, more: Partial<EgressRequest>) => request(path, { url: origin + path, origins: [origin], ...more });
    const error = await failure(late.send(to('/late', { method: 'POST', body: 'x', timeoutMs: 30 })));
    expect(error).toMatchObject({ code: 'deadline_exceeded', requestMayHaveBeenProcessed: false });
    resolve([{ address: '127.0.0.1', family: 4 }]);
    expect((await late.send(to('/next', {}))).status).toBe(200);
    await late.close();
    expect(server.requests.map(({ url }) => url)).toEqual(['/next']);
  });

  it('yes: the connection broke after the request', async () => {
    server.answer = (incoming) => void incoming.socket.destroy();
    expect(await failure(egress.send(request('/', { method: 'POST', body: 'x' })))).toMatchObject({
      code: 'provider_unavailable',
      requestMayHaveBeenProcessed: true,
    });
  });

  it('yes: the answer is not HTTP', async () => {
    const raw = await rawServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    await expectFailureOf(raw, { code: 'provider_unavailable', requestMayHaveBeenProcessed: true });
  });

  it('no: a credential that can not stand in a header is not sent', async () => {
    for (const secret of ['a\r\nx: y', 'tökèn', '']) {
      const error = await failure(
        egress.send(request('/', { credential: { in: 'header', name: 'authorization', prefix: 'Bearer ', secret } })),
      );
      expect(error).toMatchObject({ code: 'internal', requestMayHaveBeenProcessed: false });
      expect(String(error)).not.toContain('tökèn');
    }
    expect(server.requests).toEqual([]);
  });
});
