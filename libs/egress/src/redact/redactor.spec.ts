import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HostileServer } from '@keyward/testing/hostile-server';
import { createEgress, type Egress, type EgressRequest } from '../index.js';

const SECRET = 'kw-canary-token/with+odd=chars_0123456789';
const credential = { in: 'header', name: 'authorization', prefix: 'Bearer ', secret: SECRET } as const;

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

describe('takes the credential out of what comes back', () => {
  const echoes: [string, string][] = [
    ['as it is', SECRET],
    ['URL-encoded', encodeURIComponent(SECRET)],
    ['URL-encoded in lower case', encodeURIComponent(SECRET).replace(/%../g, (escape) => escape.toLowerCase())],
    ['in JSON with escaped slashes', SECRET.replaceAll('/', '\\/')],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64url', Buffer.from(SECRET).toString('base64url')],
    ...['', 'a', 'ab', 'Bearer ', 'x:'].map((before): [string, string] => [
      `base64 after "${before}"`,
      Buffer.from(`${before}${SECRET} tail`).toString('base64'),
    ]),
  ];
  it.each(echoes)('%s, in body, header and gzip', async (_form, text) => {
    // Without the padding and the characters that depend on what stands around, this much of it must be gone.
    const core = text.replace(/=+$/, '').slice(-30, -6);
    server.answer = (incoming, response) => {
      const body = Buffer.from(`{"seen":"${text}","again":"${text}","ü":1}`);
      if (incoming.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body));
      else response.writeHead(200, { 'x-echo': text, location: `/?t=${text}` }).end(body);
    };
    for (const path of ['/', '/gzip']) {
      const response = await egress.send(request(path, { credential }));
      const all = response.body.toString() + JSON.stringify(response.headers);
      expect(all).toContain('[redacted]');
      expect(all).not.toContain(core);
      expect(response.body.toString()).toContain('"ü":1');
    }
  });

  it('leaves every byte alone where there is no echo', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_v, i) => i));
    server.answer = (_request, response) => response.end(bytes);
    expect((await egress.send(request('/', { credential }))).body.equals(bytes)).toBe(true);
  });
});
