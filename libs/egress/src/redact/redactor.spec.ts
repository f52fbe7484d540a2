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

  /** What serialisers write as an escape, though JSON does not ask for it (RFC 8259 section 7). */
  const asEscapes = (text: string, which: RegExp, digits: (code: string) => string = (code) => code): string =>
    JSON.stringify(text)
      .slice(1, -1)
      .replace(which, (char) => `\\u${digits(char.charCodeAt(0).toString(16).padStart(4, '0'))}`);
  const ODD = `p<w>&'ä+€/${'x'.repeat(8)}=😀"`;
  it.each<[string, string, string]>([
    [
      'as .NET writes JSON',
      ODD,
      asEscapes(ODD, /[<>&'+]|[^\x20-\x7e]/g, (code) => code.toUpperCase()).replaceAll('\\"', '\\u0022'),
    ],
    ['as Python writes JSON', ODD, asEscapes(ODD, /[^\x20-\x7e]/g)],
    ['as Go writes JSON', ODD, asEscapes(ODD, /[<>&]/g)],
    ['URL-encoded to the letter (RFC 3986 section 2.3)', "it's-(a)-secret!*~1", 'it%27s-%28a%29-secret%21%2A~1'],
  ])('%s', async (_form, secret, text) => {
    server.answer = (_incoming, response) => response.end(`{"seen":"${text}","ü":1}`);
    const response = await egress.send(request('/', { credential: { in: 'query', name: 'key', secret } }));
    expect(response.body.toString()).toBe('{"seen":"[redacted]","ü":1}');
  });

  it('leaves every byte alone where there is no echo', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_v, i) => i));
    server.answer = (_request, response) => response.end(bytes);
    expect((await egress.send(request('/', { credential }))).body.equals(bytes)).toBe(true);
  });
});
