import { inspect } from 'node:util';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createEgress, type Egress, type InjectedCredential } from '@keyward/egress';
import { HostileServer } from '@keyward/testing/hostile-server';
import { startMtlsServer, testCa } from '@keyward/testing/mtls';
import { failureOf, requestTo } from './requests.js';

const SECRET = 'kw-canary-0123456789';
const CREDENTIALS: [string, InjectedCredential][] = [
  ['Authorization: Bearer', { in: 'header', name: 'authorization', prefix: 'Bearer ', secret: SECRET }],
  ['Authorization: Basic', { in: 'basic', template: '${secret}:', secret: SECRET }],
  ['X-Api-Key', { in: 'header', name: 'x-api-key', prefix: '', secret: SECRET }],
  ['Private-Token', { in: 'header', name: 'private-token', prefix: '', secret: SECRET }],
  ['the query', { in: 'query', name: 'key', secret: SECRET }],
  ['the body', { in: 'body', name: 'api_key', secret: SECRET }],
];
const trusted = getCACertificates('default');

let secure: Awaited<ReturnType<typeof startMtlsServer>>;
let elsewhere: Awaited<ReturnType<typeof startMtlsServer>>;
let plain: HostileServer;
let egress: Egress;
let [status, location] = [302, ''];
let visits = 0;

beforeAll(async () => {
  setDefaultCACertificates([...trusted, testCa]);
  secure = await startMtlsServer((_subject, _body, { url }) =>
    url.startsWith('/start') ? [status, {}, { location }] : [200, { arrived: url }],
  );
  elsewhere = await startMtlsServer(() => [200, { visits: ++visits }]);
  plain = await HostileServer.start((_request, response) => response.end('stolen'));
  egress = createEgress({ privateOrigins: [secure.origin, elsewhere.origin, plain.origin] });
});
afterEach(() => {
  expect([plain.requests, visits]).toEqual([[], 0]);
});
afterAll(async () => {
  await egress.close();
  await Promise.all([secure.stop(), elsewhere.stop(), plain.stop()]);
  setDefaultCACertificates(trusted);
});

const send = (credential: InjectedCredential) =>
  egress.send(
    requestTo(`${secure.origin}/start`, {
      origins: [secure.origin, elsewhere.origin, plain.origin],
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
      credential,
    }),
  );

describe.each([301, 302, 303, 307, 308])('a redirect by %i', (code) => {
  it.each(CREDENTIALS)('from https to http takes no credential along: %s', async (_where, credential) => {
    const { port } = new URL(secure.origin);
    // To a server that would take it, to the same port without TLS, and to both without saying the scheme's name in full.
    for (const target of [`${plain.origin}/x`, `http://127.0.0.1:${port}/x`, `HTTP:\\\\127.0.0.1:${plain.port}/x`]) {
      [status, location] = [code, target];
      const error = await failureOf(send(credential));
      expect(error).toMatchObject({ denial: 'cross_origin_redirect', requestMayHaveBeenProcessed: true });
      expect(inspect(error, { depth: 5 })).not.toMatch(/canary|stolen/);
    }
  });

  it.each(CREDENTIALS)('to another origin that the connector names takes none along either: %s', async (_where, credential) => {
    [status, location] = [code, `${elsewhere.origin}/x`];
    expect(await failureOf(send(credential))).toMatchObject({ denial: 'cross_origin_redirect' });
  });

  it('on the same origin is followed', async () => {
    [status, location] = [code, '/arrived'];
    const [, credential] = CREDENTIALS[0] as [string, InjectedCredential];
    expect(JSON.parse((await send(credential)).body.toString())).toEqual({ arrived: '/arrived' });
  });
});
