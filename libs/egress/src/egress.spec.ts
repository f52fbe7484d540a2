import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createEgress, EgressError, type Egress, type EgressRequest, type HopReport } from './index.js';
import { HostileServer } from '@keyward/testing/hostile-server';

const SECRET = 'kw-canary-token/with+odd=chars_0123456789';
const credential = { in: 'header', name: 'authorization', prefix: 'Bearer ', secret: SECRET } as const;

let server: HostileServer;
let other: HostileServer;
let egress: Egress;
let hops: HopReport[];
let denials: string[];

beforeEach(async () => {
  hops = [];
  denials = [];
  server = await HostileServer.start();
  other = await HostileServer.start((_request, response) => response.end('other'));
  egress = createEgress({
    privateOrigins: [server.origin, other.origin],
    observer: { hop: (report) => hops.push(report), denied: (reason) => denials.push(reason) },
  });
});
afterEach(async () => {
  await egress.close();
  await Promise.all([server.stop(), other.stop()]);
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

describe('egress', () => {
  it('sends method, path, query, headers and body, the credential last and alone, and answers status, headers and body', async () => {
    server.answer = (_request, response) =>
      response.writeHead(201, { 'x-a': ['1', '2'], 'set-cookie': 's=1', connection: 'x-b', 'x-b': 'hop' }).end('{"ok":true}');
    const headers = {
      'content-type': 'application/json',
      Authorization: 'Bearer forged',
      AUTHORIZATION: 'Basic forged',
      connection: 'x-drop',
      'x-drop': '1',
      'x-forwarded-for': '1',
      'keyward-org': 'x',
      traceparent: 'forged',
      host: 'evil',
      'transfer-encoding': 'chunked',
    };
    const response = await egress.send(request('/a/b?c=d', { method: 'POST', body: '{}', headers, credential }));
    expect(response).toMatchObject({ status: 201, headers: { 'x-a': '1, 2' } });
    expect(Object.keys(response.headers)).not.toEqual(expect.arrayContaining(['set-cookie']));
    expect(response.headers['x-b']).toBeUndefined();
    expect(response.body.toString()).toBe('{"ok":true}');
    const [seen] = server.requests;
    expect(seen).toMatchObject({ method: 'POST', url: '/a/b?c=d', body: '{}' });
    expect(seen?.headers).toMatchObject({
      authorization: `Bearer ${SECRET}`,
      host: new URL(server.origin).host,
      'content-type': 'application/json',
    });
    for (const name of ['x-drop', 'x-forwarded-for', 'keyward-org', 'traceparent']) expect(seen?.headers[name]).toBeUndefined();
    expect(seen?.rawHeaders.filter((name) => name.toLowerCase() === 'authorization')).toHaveLength(1);
    expect(hops).toMatchObject([{ provider: 'acme', status: 201, error: undefined }]);
  });

  it('reuses connections', async () => {
    server.answer = (_request, response) => response.end();
    for (let call = 0; call < 5; call++) await egress.send(request('/'));
    expect(server.connections).toBeLessThan(3);
  });

  describe('goes only to origins that are named, and to addresses that may be called', () => {
    it.each([
      'http://127.0.0.1:1/',
      'http://user:pw@127.0.0.1/',
      'file:///etc/passwd',
      'not a url',
      'http://0x7f.1:80/',
      'http://[::ffff:7f00:1]/',
    ])('refuses %s', async (url) => {
      const error = await failure(egress.send(request('/', { url, credential })));
      expect(error).toMatchObject({ code: 'egress_denied', requestMayHaveBeenProcessed: false });
    });

    it.each([
      'http://127.0.0.1',
      'http://0x7f000001',
      'http://017700000001',
      'http://2130706433',
      'http://127.1',
      'http://localhost',
      'http://[::1]',
      'http://[::ffff:127.0.0.1]',
      'http://0.0.0.0',
    ])('refuses the loopback server as %s, though the connector names it, unless the deployment does', async (host) => {
      const url = new URL(`${host}:${server.port}/`);
      const strict = createEgress({
        privateOrigins: ['http://192.168.0.1'],
        observer: { denied: (reason) => denials.push(reason) },
      });
      const error = await failure(strict.send(request('/', { url: url.href, origins: [url.origin], credential })));
      await strict.close();
      expect(error.code).toBe('egress_denied');
      expect(error.requestMayHaveBeenProcessed).toBe(false);
      expect(denials).toEqual([expect.stringMatching(/private_address|forbidden_address/)]);
      expect(server.connections).toBe(0);
    });

    it.each(['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe'])(
      'never calls metadata (%s), even for an origin that may be private',
      async (address) => {
        const origin = 'http://inside.example';
        const family = address.includes(':') ? 6 : 4;
        const inside = createEgress({ privateOrigins: [origin], resolve: async () => [{ address, family }] });
        const error = await failure(inside.send(request('/', { url: `${origin}/`, origins: [origin], credential })));
        await inside.close();
        expect(error).toMatchObject({ code: 'egress_denied', denial: 'forbidden_address' });
      },
    );

    it('checks every connection again when a name is rebound', async () => {
      const url = `http://rebind.example:${server.port}/`;
      const origins = [new URL(url).origin];
      let lookups = 0;
      // First public and dead, then loopback: whoever checks once and connects later is led inside.
      const rebinding = createEgress({
        privateOrigins: [],
        resolve: async () => [{ address: lookups++ === 0 ? '192.0.2.1' : '127.0.0.1', family: 4 }],
      });
      for (let call = 0; call < 3; call++) {
        expect((await failure(rebinding.send(request('/', { url, origins, credential })))).denial).toBe('private_address');
      }
      await rebinding.close();
      expect(lookups).toBe(3);
      expect(server.connections).toBe(0);
    });

    it('refuses a name that has one forbidden address among good ones', async () => {
      const origin = `http://mixed.example:${server.port}`;
      const addresses = [
        { address: '8.8.8.8', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ];
      const mixed = createEgress({ privateOrigins: [], resolve: async () => addresses });
      expect((await failure(mixed.send(request('/', { url: `${origin}/`, origins: [origin] })))).denial).toBe('private_address');
      await mixed.close();
    });

    it('connects to the address that was checked, and asks the resolver once per connection', async () => {
      const origin = `http://pinned.example:${server.port}`;
      let lookups = 0;
      const pinned = createEgress({
        privateOrigins: [origin],
        resolve: async () => [{ address: lookups++ === 0 ? '127.0.0.1' : '169.254.169.254', family: 4 }],
      });
      server.answer = (_request, response) => response.end('ok');
      expect((await pinned.send(request('/', { url: `${origin}/`, origins: [origin] }))).status).toBe(200);
      expect(server.requests[0]?.headers.host).toBe(`pinned.example:${server.port}`);
      await pinned.close();
      expect(lookups).toBe(1);
    });

    it('takes private origins only as exact origins', () => {
      for (const origin of ['http://127.0.0.1:8090/', '127.0.0.1:8090', '*']) {
        expect(() => createEgress({ privateOrigins: [origin] })).toThrow('must be scheme, host and port alone');
      }
    });
  });

  describe('redirects', () => {
    const redirect = (status: number, location: string) => {
      server.answer = (incoming, response) =>
        incoming.url === '/start'
          ? response.writeHead(status, { location }).end()
          : response.end(`${incoming.method} ${incoming.url}`);
    };

    it.each([
      [301, 'GET', 'GET /end'],
      [302, 'GET', 'GET /end'],
      [303, 'GET', 'GET /end'],
      [307, 'GET', 'GET /end'],
      [308, 'GET', 'GET /end'],
      [301, 'POST', 'GET /end'],
      [302, 'POST', 'GET /end'],
      [303, 'PUT', 'GET /end'],
      [307, 'POST', 'POST /end'],
      [308, 'PUT', 'PUT /end'],
    ])('%i after %s on the same origin is followed as %s', async (status, method, seen) => {
      redirect(status, '/end');
      const response = await egress.send(request('/start', { method, body: method === 'GET' ? undefined : 'x', credential }));
      expect(response.body.toString()).toBe(seen);
      expect(server.requests[1]?.headers.authorization).toBe(`Bearer ${SECRET}`);
    });

    const targets = [
      'OTHER/x',
      '//OTHER_HOST/x',
      'https://127.0.0.1:SAME_PORT/x',
      'http://user@SAME_HOST/x',
      'http:\\\\OTHER_HOST\\x',
      'javascript:alert(1)',
      'http://[bad',
    ];
    const headerNames = ['authorization', 'x-api-key', 'private-token'];
    it.each(
      [301, 302, 303, 307, 308].flatMap((status) =>
        targets.map((target, index) => [status, target, headerNames[index % 3] as string] as const),
      ),
    )('%i to %s is refused and the credential in %s never leaves', async (status, target, header) => {
      const host = new URL(other.origin).host;
      const location = target
        .replace('OTHER_HOST', host)
        .replace('OTHER', other.origin)
        .replace('SAME_PORT', String(server.port))
        .replace('SAME_HOST', `127.0.0.1:${server.port}`);
      redirect(status, location);
      const error = await failure(
        egress.send(
          request('/start', {
            origins: [server.origin, other.origin],
            credential: { in: 'header', name: header, prefix: '', secret: SECRET },
          }),
        ),
      );
      expect(error).toMatchObject({ code: 'egress_denied', requestMayHaveBeenProcessed: true });
      expect(other.requests).toEqual([]);
      expect(server.requests).toHaveLength(1);
      expect(error.message).not.toContain(host);
    });

    it('stops after five', async () => {
      server.answer = (_request, response) => response.writeHead(302, { location: '/again' }).end();
      expect(await failure(egress.send(request('/')))).toMatchObject({ denial: 'too_many_redirects' });
      expect(server.requests).toHaveLength(6);
      expect(hops).toHaveLength(6);
    });
  });

  describe('fetchFor', () => {
    it('speaks fetch, follows nothing, keeps to its origins and its bounds', async () => {
      const go = egress.fetchFor({ provider: 'acme', origins: [server.origin], timeoutMs: 2_000, maxBytes: 1000 });
      server.answer = (incoming, response, body) => {
        if (incoming.url === '/redirect') response.writeHead(302, { location: other.origin }).end();
        else if (incoming.url === '/empty') response.writeHead(204).end();
        else if (incoming.url === '/big') response.end('x'.repeat(2000));
        else
          response
            .writeHead(200, { 'content-type': 'application/json' })
            .end(JSON.stringify({ body, auth: incoming.headers.authorization }));
      };
      const body = new URLSearchParams({ grant_type: 'refresh_token' });
      const headers = new Headers({ authorization: 'Basic abc' });
      const response = await go(`${server.origin}/token`, { method: 'POST', body, headers });
      expect(await response.json()).toEqual({ body: 'grant_type=refresh_token', auth: 'Basic abc' });
      expect(response.headers.get('content-type')).toBe('application/json');
      expect((await go(`${server.origin}/redirect`)).status).toBe(302);
      expect((await go(`${server.origin}/empty`)).status).toBe(204);
      expect((await failure(go(`${server.origin}/big`))).code).toBe('response_too_large');
      expect((await failure(go(`${other.origin}/`))).denial).toBe('origin_not_allowed');
      expect(other.requests).toEqual([]);
      expect(denials).toEqual(['origin_not_allowed']);
    });
  });
});
