import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from '@keyward/contracts';
import { HostileServer, type ReceivedRequest } from '@keyward/testing/hostile-server';
import { createEgress } from '@keyward/egress';
import { Workbench } from './workbench.js';

const SECRET = 'kw-canary-secret/with+odd';

let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.start();
});
beforeEach(() => bench.reset());
afterAll(() => bench.stop());

const TOOLS = `
- name: quirk_get
  title: Get
  description: A tool of the tests.
  effect: read
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: GET, path: '/things/{id}' }
- name: quirk_create
  title: Create
  description: A tool of the tests.
  effect: write
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: POST, path: /things, body: { id: $.id } }
`;

/** A connector that differs from a plain one in what is given. */
function deploy(manifest: string, base = `${bench.upstream.origin}/api`, origin = bench.upstream.origin): void {
  const places = `base_url: ${base}\norigins: ['${origin}', '${bench.upstream.origin}']\n`;
  const auth = manifest.includes('auth:') ? '' : 'auth: { kind: api_key }\n';
  bench.deploy('quirk', `name: quirk\ntitle: Quirk\n${places}${manifest}\n${auth}`, TOOLS);
  bench.connection.sealedAccess = Buffer.from(SECRET);
}

/** A provider that answers 200 only to a request that is exactly right. */
function strict(isRight: (request: ReceivedRequest) => boolean): void {
  bench.upstream.answer = (_incoming, response) => {
    const request = bench.upstream.requests.at(-1) as ReceivedRequest;
    response.writeHead(isRight(request) ? 200 : 400, { 'content-type': 'application/json' }).end(JSON.stringify(request));
  };
}

const hasNoSecret = (result: ExecutionResult) => {
  expect(JSON.stringify([result, bench.audited])).not.toContain('canary');
  expect(result).toMatchObject({ state: 'succeeded', attempts: 1 });
};

describe('an API key', () => {
  const authorizationOf = ({ headers }: ReceivedRequest) => headers.authorization;
  it.each<[string, string, string, (request: ReceivedRequest) => boolean]>([
    [
      'in a header of its own',
      'quirk_get',
      'credential: { in: header, name: X-Api-Key, prefix: "" }',
      (r) => r.headers['x-api-key'] === SECRET && authorizationOf(r) === undefined,
    ],
    [
      'in a header behind a word',
      'quirk_get',
      'credential: { in: header, prefix: "GenieKey " }',
      (r) => authorizationOf(r) === `GenieKey ${SECRET}`,
    ],
    [
      'in the query',
      'quirk_get',
      'credential: { in: query, name: key }',
      (r) => r.url === `/api/things/one?key=${encodeURIComponent(SECRET)}` && authorizationOf(r) === undefined,
    ],
    [
      'in the query, after what is fixed there',
      'quirk_get',
      'credential: { in: query, name: key }\nquery: { format: json }',
      (r) => r.url === `/api/things/one?format=json&key=${encodeURIComponent(SECRET)}`,
    ],
    [
      'in the body',
      'quirk_create',
      'credential: { in: body, name: key }',
      (r) => r.body === JSON.stringify({ id: 'one', key: SECRET }),
    ],
    [
      'in Basic authentication, as the user name',
      'quirk_get',
      "credential: { in: basic, template: '${secret}:' }",
      (r) => authorizationOf(r) === `Basic ${Buffer.from(`${SECRET}:`).toString('base64')}`,
    ],
  ])('goes %s', async (_where, tool, manifest, isRight) => {
    deploy(manifest);
    strict(isRight);
    hasNoSecret(await bench.call(tool));
  });

  it('goes with what the connection knows, in Basic authentication', async () => {
    deploy(
      "credential: { in: basic, template: '${connection.email}/token:${secret}' }\nconnection_parameters: { email: { title: E-mail, type: email } }",
    );
    bench.connection.parameters = { email: 'ada@acme.example' };
    const expected = `Basic ${Buffer.from(`ada@acme.example/token:${SECRET}`).toString('base64')}`;
    strict(({ headers }) => headers.authorization === expected);
    hasNoSecret(await bench.call('quirk_get'));
  });

  it('that is user name and password goes as they are', async () => {
    deploy('auth: { kind: basic }\ncredential: { in: basic }');
    bench.connection.sealedAccess = Buffer.from(`ada:${SECRET}`);
    strict(({ headers }) => headers.authorization === `Basic ${Buffer.from(`ada:${SECRET}`).toString('base64')}`);
    hasNoSecret(await bench.call('quirk_get'));
  });

  it('in the query is in no dry run, no error and no metric', async () => {
    deploy('credential: { in: query, name: key }');
    const dry = await bench.call('quirk_get', { dryRun: true });
    bench.upstream.answer = (request, response) =>
      response.writeHead(422, { location: request.url ?? '' }).end(`you asked for ${request.url}`);
    const refused = await bench.call('quirk_get');
    bench.upstream.answer = (request) => void request.socket.destroy();
    const broken = await bench.call('quirk_create');
    expect([dry, refused, broken].map(({ state }) => state)).toEqual(['succeeded', 'failed', 'unknown']);
    expect(JSON.stringify([dry, refused, broken, bench.audited]) + (await bench.metrics.metrics())).not.toContain('canary');
  });
});

describe('a provider without credentials', () => {
  it('is called without a connection, and gets none of what might be there', async () => {
    deploy('auth: { kind: none }');
    strict(({ headers, url }) => headers.authorization === undefined && url === '/api/things/one');
    for (const connection of [null, bench.connection]) {
      bench.grant.connection = connection;
      const result = await bench.call('quirk_get');
      expect(result).toMatchObject({ state: 'succeeded', connection: connection?.id ?? null });
    }
    expect(bench.opened).toEqual([]);
  });

  it('that differs per connection asks for one', async () => {
    deploy(
      'auth: { kind: none }\nconnection_parameters: { tenant: { title: Tenant, type: label } }\nquery: { tenant: "${connection.tenant}" }',
    );
    bench.grant.connection = null;
    expect(await bench.call('quirk_get')).toMatchObject({ error: { code: 'connection_required' } });
    bench.reset();
    deploy(
      'auth: { kind: none }\nconnection_parameters: { tenant: { title: Tenant, type: label } }\nquery: { tenant: "${connection.tenant}" }',
    );
    bench.connection.parameters = { tenant: 'acme' };
    strict(({ url }) => url === '/api/things/one?tenant=acme');
    expect(await bench.call('quirk_get')).toMatchObject({ state: 'succeeded' });
  });

  it('that answers 401 all the same ends there, with nothing to renew', async () => {
    deploy('auth: { kind: none }');
    bench.upstream.answer = (_request, response) => response.writeHead(401).end();
    expect(await bench.call('quirk_get')).toMatchObject({ state: 'failed', attempts: 1 });
    expect(bench.refreshes).toEqual([]);
  });
});

describe('required headers', () => {
  it('a User-Agent and a version are sent as the manifest says', async () => {
    deploy("headers: { User-Agent: 'Keyward (ops@acme.example)', revision: '2026-10-15' }");
    strict(({ headers }) => headers['user-agent'] === 'Keyward (ops@acme.example)' && headers['revision'] === '2026-10-15');
    hasNoSecret(await bench.call('quirk_get'));
  });

  it('also what the registration and the connection know', async () => {
    deploy(
      "headers: { 'x-client': '${client.id}', 'x-account': '${connection.account}', 'x-team': '${app.team}' }\nconnection_parameters: { account: { title: Account, type: identifier } }\napp_parameters: { team: { title: Team, type: identifier } }",
    );
    Object.assign(bench.connection, { clientId: 'client-7', parameters: { account: 'a-1' }, appParameters: { team: 't_1' } });
    strict(({ headers }) => headers['x-client'] === 'client-7' && headers['x-account'] === 'a-1' && headers['x-team'] === 't_1');
    hasNoSecret(await bench.call('quirk_get'));
  });
});

describe('a host that differs per connection', () => {
  const SELF_HOSTED = 'connection_parameters: { host: { title: Address, type: origin } }';
  const parts = () => ({ base: '${connection.host}/api', origin: '${connection.host}' });

  it('supplied by the user: the call and its credential go there, and only there', async () => {
    deploy(SELF_HOSTED, parts().base, parts().origin);
    bench.connection.parameters = { host: bench.upstream.origin };
    strict(({ url, headers }) => url === '/api/things/one' && headers.authorization === `Bearer ${SECRET}`);
    hasNoSecret(await bench.call('quirk_get'));
  });

  it.each([
    ['of this machine', 'http://127.0.0.1:1'],
    ['of a private network', 'https://10.0.0.1'],
    ['of cloud metadata', 'http://169.254.169.254'],
  ])('supplied by the user %s is not called', async (_what, host) => {
    deploy(SELF_HOSTED, parts().base, parts().origin);
    bench.connection.parameters = { host };
    const result = await bench.call('quirk_get');
    expect(['egress_denied', 'invalid_request']).toContain(result.error?.code);
    expect(bench.upstream.requests).toEqual([]);
  });

  it('that is missing or is no host is told as that, and nothing is opened', async () => {
    deploy(SELF_HOSTED, parts().base, parts().origin);
    for (const parameters of [{}, { host: 'javascript:alert(1)' }, { host: `${bench.upstream.origin}@evil.example` }]) {
      bench.connection.parameters = parameters as Record<string, string>;
      expect(await bench.call('quirk_get')).toMatchObject({ state: 'failed', error: { code: 'invalid_request' } });
    }
    expect(bench.opened).toEqual([]);
  });

  it('stated by the token response: a renewed token takes the call to the new host, with it and without the old one', async () => {
    const moved = await HostileServer.start((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"moved":true}'),
    );
    const egress = createEgress({ privateOrigins: [bench.upstream.origin, moved.origin] });
    const before = bench.parts.egress;
    bench.parts.egress = egress;
    deploy(
      "auth: { kind: oauth2_client_credentials, token_endpoint: 'https://acme.example/token' }\nconnection_parameters: { host: { title: Host, type: origin, source: { token_response: /restUrl } } }",
      ...(Object.values(parts()) as [string, string]),
    );
    bench.connection.parameters = { host: bench.upstream.origin };
    bench.upstream.answer = (_request, response) => response.writeHead(401).end();
    bench.onRefresh = () => {
      bench.connection.parameters = { host: moved.origin };
      return bench.renew();
    };
    const result = await bench.call('quirk_get');
    bench.parts.egress = before;
    await egress.close();
    await moved.stop();
    expect(result).toMatchObject({ state: 'succeeded', output: { moved: true }, attempts: 2 });
    expect(bench.upstream.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${SECRET}`]);
    expect(moved.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer access-token-of-generation-2']);
  });
});

describe('a connector of the organization’s own', () => {
  const manifest =
    "name: own\ntitle: Own\nauth: { kind: api_key }\nbase_url: https://api.own.example/v1\norigins: ['https://api.own.example']\n";
  const tools = TOOLS.replaceAll('quirk_', 'own_');

  it('has its tools, and takes none of the deployment’s away', async () => {
    bench.posted = [{ name: 'own', version: 1, manifest, tools }];
    const result = await bench.call('own_get', { dryRun: true });
    expect(result).toMatchObject({ state: 'succeeded', output: { request: { url: 'https://api.own.example/v1/things/one' } } });
    expect(await bench.call('acme_get')).toMatchObject({ state: 'succeeded' });
  });

  it('that can not be used is left out, and leaves the others', async () => {
    bench.posted = [
      { name: 'broken', version: 1, manifest: 'name: broken', tools: null },
      { name: 'local', version: 1, manifest: manifest.replaceAll('https://api.own.example', bench.upstream.origin), tools },
    ];
    expect(await bench.call('own_get')).toMatchObject({ error: { code: 'unknown_tool' } });
    expect(await bench.call('acme_get')).toMatchObject({ state: 'succeeded' });
    expect(bench.refused).toHaveLength(2);
  });
});
