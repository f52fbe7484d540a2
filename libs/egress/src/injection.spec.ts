import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HostileServer } from '@keyward/testing/hostile-server';
import { createEgress, EgressError, type Egress, type EgressRequest, type HopReport, type InjectedCredential } from './index.js';

const SECRET = 'kw-canary/with+odd=chars&"quotes"';
const PASSWORD = 'kw-canary-p:ss/w+rd';
const KINDS: InjectedCredential[] = [
  { in: 'header', name: 'x-api-key', prefix: 'Token ', secret: SECRET },
  { in: 'query', name: 'key', secret: SECRET },
  { in: 'basic', template: 'ada@acme.example/token:${secret}', secret: SECRET },
  { in: 'basic', template: '${secret}', secret: `ada:${PASSWORD}` },
  { in: 'body', name: 'api_key', secret: SECRET },
];

let server: HostileServer;
let other: HostileServer;
let egress: Egress;
let hops: HopReport[];

beforeEach(async () => {
  hops = [];
  server = await HostileServer.start();
  other = await HostileServer.start();
  egress = createEgress({ privateOrigins: [server.origin, other.origin], observer: { hop: (report) => hops.push(report) } });
});
afterEach(async () => {
  await egress.close();
  await Promise.all([server.stop(), other.stop()]);
});

const request = (credential: InjectedCredential, more: Partial<EgressRequest> = {}): EgressRequest => ({
  ...{
    provider: 'acme',
    origins: [server.origin, other.origin],
    method: 'POST',
    url: `${server.origin}/things?a=1`,
    headers: {},
  },
  ...{ credential, timeoutMs: 5_000, maxBytes: 100_000, ...more },
});

async function failure(promise: Promise<unknown>): Promise<EgressError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(EgressError);
  return error as EgressError;
}

describe('the credential is put', () => {
  it('into the query, after what stands there, in place of whatever spells its name', async () => {
    const credential: InjectedCredential = { in: 'query', name: 'key', secret: SECRET };
    await egress.send(request(credential, { url: `${server.origin}/things?a=1&key=forged&k%65y=forged&b=%20+` }));
    expect(server.requests[0]?.url).toBe(`/things?a=1&b=%20+&key=${encodeURIComponent(SECRET)}`);
    await egress.send(request(credential, { url: `${server.origin}/things` }));
    expect(server.requests[1]?.url).toBe(`/things?key=${encodeURIComponent(SECRET)}`);
  });

  it('into Basic authentication by its template, in UTF-8, over any other authorization', async () => {
    const credential: InjectedCredential = { in: 'basic', template: 'ada@acme.example/token:${secret}', secret: 'sécret$&' };
    await egress.send(request(credential, { headers: { Authorization: 'Bearer forged' } }));
    const sent = server.requests[0];
    expect(sent?.rawHeaders.filter((name) => name.toLowerCase() === 'authorization')).toHaveLength(1);
    const [scheme, value = ''] = sent?.headers.authorization?.split(' ') ?? [];
    expect([scheme, Buffer.from(value, 'base64').toString()]).toEqual(['Basic', 'ada@acme.example/token:sécret$&']);
  });

  it('into the body, over a member of that name; into a body of its own where there is none', async () => {
    const credential: InjectedCredential = { in: 'body', name: 'api_key', secret: SECRET };
    const headers = { 'content-type': 'application/json' };
    await egress.send(request(credential, { body: '{"a":1,"api_key":"forged"}', headers }));
    await egress.send(request(credential, { method: 'GET' }));
    expect(server.requests.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
      { a: 1, api_key: SECRET },
      { api_key: SECRET },
    ]);
    expect(server.requests.map((sent) => sent.headers['content-type'])).toEqual(['application/json', 'application/json']);
  });

  it('nowhere where it can not stand, and nothing is sent', async () => {
    const bad: [InjectedCredential, Partial<EgressRequest>][] = [
      [{ in: 'header', name: 'x-api-key', prefix: '', secret: 'kw-canary\r\nx: y' }, {}],
      [{ in: 'query', name: 'key', secret: '' }, {}],
      [{ in: 'query', name: 'key', secret: 'kw-canary\ud800' }, {}],
      [{ in: 'basic', template: '${secret}', secret: 'ada:kw-canary\n' }, {}],
      [{ in: 'body', name: 'key', secret: SECRET }, { body: '[1]' }],
      [{ in: 'body', name: 'key', secret: SECRET }, { body: 'kw-canary not json' }],
    ];
    for (const [credential, more] of bad) {
      const error = await failure(egress.send(request(credential, more)));
      expect(error).toMatchObject({ code: 'internal', requestMayHaveBeenProcessed: false });
      expect(inspect(error, { depth: 10 })).not.toContain('kw-canary');
    }
    expect(server.requests).toEqual([]);
  });
});

describe('a required User-Agent', () => {
  it('of the connector goes out in place of ours', async () => {
    await egress.send(request(KINDS[0] as InjectedCredential, { headers: { 'User-Agent': 'Acme (ops@acme.example)' } }));
    await egress.send(request(KINDS[0] as InjectedCredential));
    expect(server.requests.map(({ headers }) => headers['user-agent'])).toEqual([
      'Acme (ops@acme.example)',
      expect.stringMatching(/^keyward\//),
    ]);
  });
});

describe.each(KINDS)('a credential in $in', (credential) => {
  it('never comes back from a server that echoes everything it got', async () => {
    server.answer = (incoming, response, body) => {
      const authorization = String(incoming.headers.authorization ?? '');
      const basic = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
      const dump = JSON.stringify({
        url: incoming.url,
        headers: incoming.headers,
        body,
        basic,
        parsed: body && JSON.parse(body),
      });
      response
        .writeHead(201, {
          location: `https://acme.example${incoming.url ?? ''}`,
          'x-seen': authorization,
          'x-key': String(incoming.headers['x-api-key'] ?? ''),
        })
        .end(`${dump} ${decodeURIComponent(incoming.url ?? '')} ${Buffer.from(dump).toString('base64')}`);
    };
    const answer = await egress.send(request(credential, { body: '{"a":1}', headers: { 'content-type': 'application/json' } }));
    const all = answer.body.toString() + JSON.stringify(answer.headers);
    const decoded = all.replace(/[A-Za-z0-9+/]{40,}/g, (text) => Buffer.from(text, 'base64').toString('latin1'));
    for (const seen of [all, decoded, decodeURIComponent(all.replaceAll('%', '%25'))]) {
      expect(seen).not.toContain('canary');
      expect(seen).not.toContain('with+odd');
    }
    expect(all).toContain('[redacted]');
  });

  it('goes along to the same origin, and never to another', async () => {
    server.answer = (incoming, response) =>
      incoming.url?.startsWith('/things') === true
        ? response.writeHead(307, { location: '/end?b=2' }).end()
        : response.writeHead(307, { location: `${other.origin}/steal${incoming.url ?? ''}` }).end();
    const error = await failure(egress.send(request(credential, { body: '{"a":1}' })));
    expect(error).toMatchObject({ code: 'egress_denied', denial: 'cross_origin_redirect' });
    expect(server.requests).toHaveLength(2);
    const [first, second] = server.requests;
    expect([second?.headers['x-api-key'], second?.headers.authorization, second?.body]).toEqual([
      ...[first?.headers['x-api-key'], first?.headers.authorization, first?.body],
    ]);
    if (credential.in === 'query') expect(second?.url).toBe(`/end?b=2&key=${encodeURIComponent(SECRET)}`);
    expect(other.requests).toEqual([]);
    expect(inspect(error, { depth: 10 })).not.toContain('canary');
  });

  it('is not sent behind a redirect that turns the request into a GET, where it was in the body', async () => {
    server.answer = (incoming, response) =>
      incoming.url?.startsWith('/things') === true ? response.writeHead(303, { location: '/end' }).end() : response.end();
    await egress.send(request(credential, { body: '{"a":1}' }));
    expect(server.requests[1]).toMatchObject({ method: 'GET', body: '' });
  });

  it('is in no error and no report, however the request fails', async () => {
    const failures = [
      () => (server.answer = (incoming) => void incoming.socket.destroy()),
      () => (server.answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'nonsense' }).end('x')),
      () => (server.answer = (_request, response) => response.end('x'.repeat(200_000))),
      () => server.stop(),
    ];
    for (const prepare of failures) {
      await prepare();
      const error = await failure(egress.send(request(credential, { body: '{"a":1}' })));
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary');
    }
    expect(inspect(hops, { depth: 10 })).not.toContain('canary');
  });
});
