import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HostileServer } from '@keyward/testing/hostile-server';
import { createEgress, type Egress, type EgressRequest, type InjectedCredential } from './index.js';

const SECRET = 'kw-canary-secret-0123456789';
const MEMBER: InjectedCredential = { in: 'body', name: 'api_key', secret: SECRET };
const HEADER: InjectedCredential = { in: 'header', name: 'authorization', prefix: 'Bearer ', secret: SECRET };

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

const request = (more: Partial<EgressRequest>): EgressRequest => ({
  ...{ provider: 'acme', origins: [server.origin], method: 'POST', url: `${server.origin}/things`, headers: {} },
  ...{ timeoutMs: 5_000, maxBytes: 100_000, ...more },
});

describe('what is sent', () => {
  it('is every byte of it, with its length', async () => {
    const echo = createServer((incoming, response) => {
      response.setHeader('x-length', incoming.headers['content-length'] ?? 'none');
      incoming.pipe(response);
    });
    await once(echo.listen(0, '127.0.0.1'), 'listening');
    const origin = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
    const own = createEgress({ privateOrigins: [origin] });
    const bytes = Buffer.from([0, 255, 13, 10, 254, 0]);
    const answers = [bytes, 'zwölf'].map((body) => own.send(request({ origins: [origin], url: origin, body })));
    const [ofBytes, ofText] = await Promise.all(answers);
    await own.close();
    echo.close();
    expect(ofBytes).toMatchObject({ body: bytes, headers: { 'x-length': '6' } });
    expect(ofText).toMatchObject({ body: Buffer.from('zwölf'), headers: { 'x-length': '6' } });
  });

  it.each<[string, Partial<EgressRequest>]>([
    ['bytes', { body: Buffer.from('{}') }],
    ['a form', { body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    ['a file that happens to be JSON', { body: '{}', headers: { 'content-type': 'text/plain' } }],
  ])('never gets a credential as a member where it is %s', async (_what, more) => {
    await expect(egress.send(request({ ...more, credential: MEMBER }))).rejects.toMatchObject({
      code: 'internal',
      requestMayHaveBeenProcessed: false,
    });
    expect(server.requests).toEqual([]);
  });

  it('gets it as a member of every kind of JSON', async () => {
    for (const type of ['application/json', 'application/vnd.acme+json; charset=utf-8']) {
      await egress.send(request({ body: '{"a":1}', headers: { 'content-type': type }, credential: MEMBER }));
    }
    expect(server.requests.map(({ body }) => body)).toEqual(Array(2).fill(`{"a":1,"api_key":"${SECRET}"}`));
  });
});

describe('a credential that is withheld', () => {
  it('is not sent, and hidden where the answer holds it', async () => {
    server.answer = (_request, response) => response.writeHead(200, { 'x-echo': SECRET }).end(`token ${SECRET}`);
    const { headers, body } = await egress.send(request({ withheld: HEADER }));
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect([headers['x-echo'], body.toString()]).toEqual(['[redacted]', 'token [redacted]']);
  });
});

describe('an answer that does not end by itself', () => {
  it('ends with the piece that is said to be the last, and with its connection', async () => {
    const closed = new Promise<void>((resolve) => {
      server.answer = (request, response) => {
        request.socket.once('close', () => resolve());
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: one\n\n', () => setImmediate(() => response.write('data: two\n\n')));
      };
    });
    const seen: string[] = [];
    const { body } = await egress.send(
      request({
        isLast: (piece, headers) => {
          seen.push(String(headers['content-type']));
          return piece.includes('two');
        },
      }),
    );
    expect(body.toString()).toBe('data: one\n\ndata: two\n\n');
    expect(seen.at(-1)).toBe('text/event-stream');
    await closed;
  });

  it('is bounded all the same', async () => {
    server.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('x'.repeat(2_000));
    };
    await expect(egress.send(request({ maxBytes: 1_000, isLast: () => false }))).rejects.toMatchObject({
      code: 'response_too_large',
    });
    await expect(egress.send(request({ timeoutMs: 100, isLast: () => false }))).rejects.toMatchObject({
      code: 'deadline_exceeded',
    });
  });
});
