import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { Browser } from './browser.js';
import { AuthHarness, type Tenant } from './harness.js';

let auth: AuthHarness;
let ours: Tenant;
let theirs: Tenant;
let theirKey: string;
let theirConnection: string;
let theirIssuer: string;
let ourIssuer: string;
let theirBinding: string;
let theirSession: string;

beforeAll(async () => {
  auth = await AuthHarness.start();
  [ours, theirs] = [await auth.tenant(), await auth.tenant()];
  const { body } = await auth.ask<{ id: string }>(`/v1/agents/${theirs.agent}/keys?organization=${theirs.org}`, {
    method: 'POST',
  });
  theirKey = body.id;
  [ourIssuer, theirIssuer] = [await trust(ours), await trust(theirs)];
  const binding = { organization: theirs.org, agent: theirs.agent, claims: { sub: 'workload' } };
  theirBinding = (await auth.ask<{ id: string }>(`/v1/trusted-issuers/${theirIssuer}/bindings`, { body: binding })).body.id;
  const session = await auth.session(theirs);
  theirSession = session.id;
  await new Browser().connect(session.url);
  theirConnection = (await auth.connections(theirs))[0]?.id ?? '';
});
afterAll(() => auth.stop());

async function trust({ org }: Tenant): Promise<string> {
  const body = { organization: org, issuer: 'https://issuer.example', audience: `keyward:${org}` };
  return (await auth.ask<{ id: string }>('/v1/trusted-issuers', { body })).body.id;
}

interface Ids {
  org: string;
  agent: string;
  key: string;
  app: string;
  connection: string;
  issuer: string;
  binding: string;
  session: string;
}

/** Every route that takes an id, as a request in which ids can be exchanged. */
const ROUTES: [string, keyof Ids, (ids: Ids) => { path: string; method: string; body?: unknown }][] = [
  ['list agents', 'org', ({ org }) => ({ method: 'GET', path: `/v1/agents?organization=${org}` })],
  [
    'create an agent',
    'org',
    ({ org }) => ({ method: 'POST', path: '/v1/agents', body: { organization: org, slug: 'new', name: 'New' } }),
  ],
  ['read an agent', 'agent', ({ org, agent }) => ({ method: 'GET', path: `/v1/agents/${agent}?organization=${org}` })],
  [
    'rotate a key',
    'key',
    ({ org, agent, key }) => ({
      method: 'POST',
      path: `/v1/agents/${agent}/keys/${key}/rotate`,
      body: { organization: org, overlapSeconds: 0 },
    }),
  ],
  ['revoke all keys', 'agent', ({ org, agent }) => ({ method: 'DELETE', path: `/v1/agents/${agent}/keys?organization=${org}` })],
  ['read a manifest', 'agent', ({ org, agent }) => ({ method: 'GET', path: `/v1/agents/${agent}/manifest?organization=${org}` })],
  [
    'apply a manifest',
    'agent',
    ({ org, agent }) => ({
      method: 'PUT',
      path: `/v1/agents/${agent}/manifest?organization=${org}`,
      body: { agent: 'hostile', tools: [] },
    }),
  ],
  [
    'apply a manifest by slug',
    'org',
    ({ org }) => ({
      method: 'PUT',
      path: '/v1/manifests',
      body: { organization: org, manifest: { agent: 'hostile', tools: [] } },
    }),
  ],
  ...(['GET', 'PUT', 'DELETE'] as const).map((method): (typeof ROUTES)[number] => [
    `token release, ${method}`,
    'agent',
    ({ org, agent }) => ({ method, path: `/v1/agents/${agent}/token-releases/sandbox?organization=${org}` }),
  ]),
  ['list trusted issuers', 'org', ({ org }) => ({ method: 'GET', path: `/v1/trusted-issuers?organization=${org}` })],
  [
    'trust an issuer',
    'org',
    ({ org }) => ({
      method: 'POST',
      path: '/v1/trusted-issuers',
      body: { organization: org, issuer: 'https://another.example', audience: `keyward:${org}` },
    }),
  ],
  [
    'forget an issuer',
    'issuer',
    ({ org, issuer }) => ({ method: 'DELETE', path: `/v1/trusted-issuers/${issuer}?organization=${org}` }),
  ],
  [
    'list bindings',
    'issuer',
    ({ org, issuer }) => ({ method: 'GET', path: `/v1/trusted-issuers/${issuer}/bindings?organization=${org}` }),
  ],
  [
    'unbind',
    'binding',
    ({ org, issuer, binding }) => ({
      method: 'DELETE',
      path: `/v1/trusted-issuers/${issuer}/bindings/${binding}?organization=${org}`,
    }),
  ],
  ['create a key', 'agent', ({ org, agent }) => ({ method: 'POST', path: `/v1/agents/${agent}/keys?organization=${org}` })],
  ['list keys', 'agent', ({ org, agent }) => ({ method: 'GET', path: `/v1/agents/${agent}/keys?organization=${org}` })],
  [
    'revoke a key',
    'key',
    ({ org, agent, key }) => ({ method: 'DELETE', path: `/v1/agents/${agent}/keys/${key}?organization=${org}` }),
  ],
  [
    'read assignments',
    'agent',
    ({ org, agent }) => ({ method: 'GET', path: `/v1/agents/${agent}/assignments?organization=${org}` }),
  ],
  [
    'assign',
    'agent',
    ({ org, agent }) => ({
      method: 'PUT',
      path: `/v1/agents/${agent}/assignments`,
      body: { organization: org, assignments: [] },
    }),
  ],
  [
    'issue NATS credentials',
    'agent',
    ({ org, agent }) => ({ method: 'POST', path: `/v1/agents/${agent}/nats-credentials`, body: { organization: org } }),
  ],
  ['list provider apps', 'org', ({ org }) => ({ method: 'GET', path: `/v1/provider-apps?organization=${org}` })],
  [
    'create a provider app',
    'org',
    ({ org }) => ({
      method: 'POST',
      path: '/v1/provider-apps',
      body: { organization: org, provider: 'sandbox', clientId: 'c', clientSecret: 's' },
    }),
  ],
  [
    'replace a provider app',
    'app',
    ({ org, app }) => ({
      method: 'PUT',
      path: `/v1/provider-apps/${app}`,
      body: { organization: org, clientId: 'c', clientSecret: 's' },
    }),
  ],
  ['read a provider app', 'app', ({ org, app }) => ({ method: 'GET', path: `/v1/provider-apps/${app}?organization=${org}` })],
  [
    'remove a provider app',
    'app',
    ({ org, app }) => ({ method: 'DELETE', path: `/v1/provider-apps/${app}?organization=${org}` }),
  ],
  [
    'read a connect session',
    'session',
    ({ org, session }) => ({ method: 'GET', path: `/v1/connect-sessions/${session}?organization=${org}` }),
  ],
  [
    'create a workspace session',
    'agent',
    ({ org, agent }) => ({
      method: 'POST',
      path: '/v1/connect-sessions',
      body: { kind: 'workspace', organization: org, agents: [agent], provider: 'sandbox' },
    }),
  ],
  [
    'create a connect session',
    'agent',
    ({ org, agent }) => ({
      method: 'POST',
      path: '/v1/connect-sessions',
      body: { organization: org, agent, user: 'usr_ada', provider: 'sandbox' },
    }),
  ],
  ['list connections', 'org', ({ org }) => ({ method: 'GET', path: `/v1/connections?organization=${org}` })],
  [
    'read a connection',
    'connection',
    ({ org, connection }) => ({ method: 'GET', path: `/v1/connections/${connection}?organization=${org}` }),
  ],
  [
    'disconnect',
    'connection',
    ({ org, connection }) => ({ method: 'DELETE', path: `/v1/connections/${connection}?organization=${org}` }),
  ],
];

const PREFIX = {
  org: 'org',
  agent: 'agt',
  key: 'key',
  app: 'app',
  connection: 'conn',
  issuer: 'iss',
  binding: 'wlb',
  session: 'cse',
} as const;

describe('an id that is not there to be seen is answered like one that does not exist', () => {
  async function answer(route: (typeof ROUTES)[number][2], ids: Ids): Promise<{ status: number; problem: string }> {
    const { path, method, body } = route(ids);
    const response = await auth.ask(path, { method, ...(body === undefined ? {} : { body }) });
    const { traceId: _traceId, ...problem } = response.body;
    return { status: response.status, problem: JSON.stringify(problem) };
  }
  const foreign = (): Ids => ({
    org: theirs.org,
    agent: theirs.agent,
    key: theirKey,
    app: theirs.app.id,
    connection: theirConnection,
    issuer: theirIssuer,
    binding: theirBinding,
    session: theirSession,
  });
  const mine = (): Ids => ({
    ...{ org: ours.org, agent: ours.agent, key: newId('key'), app: ours.app.id, connection: newId('conn') },
    ...{ issuer: ourIssuer, binding: newId('wlb'), session: newId('cse') },
  });

  it.each(ROUTES)('%s', async (_name, subject, route) => {
    const absent = await answer(route, { ...mine(), [subject]: newId(PREFIX[subject]) });
    expect(absent.status).toBe(404);
    const theirId = foreign()[subject];
    const hostile: Ids[] = [
      // Case variants of an id that exists, and things that are no id at all.
      { ...mine(), [subject]: theirId.toUpperCase() },
      { ...foreign(), [subject]: theirId.toUpperCase() },
      { ...mine(), [subject]: `${theirId.slice(0, -1)}\u0130` },
      { ...mine(), [subject]: `${theirId}x` },
      { ...mine(), [subject]: 'null' },
      // An organization that does not exist around a thing that does.
      { ...foreign(), org: newId('org') },
      { ...foreign(), org: theirs.org.toUpperCase() },
    ];
    // The thing of another organization, asked for in ours.
    if (subject !== 'org') hostile.push({ ...foreign(), org: ours.org });
    for (const ids of hostile) expect(await answer(route, encoded(ids))).toEqual(absent);
  });

  it('and nothing was changed by asking', async () => {
    expect((await auth.connections(theirs))[0]?.status).toBe('active');
    const { rows } = await auth.database.query('SELECT revoked_at FROM identity.agent_key WHERE id = $1', [theirKey]);
    expect(rows).toEqual([{ revoked_at: null }]);
    const { body } = await auth.ask(`/v1/trusted-issuers/${theirIssuer}/bindings?organization=${theirs.org}`);
    expect(body['bindings']).toMatchObject([{ id: theirBinding }]);
    const { body: agents } = await auth.ask(`/v1/agents?organization=${theirs.org}`);
    expect(JSON.stringify(agents)).not.toContain('hostile');
  });

  it('an organization that is not named is not guessed', async () => {
    const { status, body } = await auth.ask(`/v1/connections/${theirConnection}`);
    expect({ status, code: body['code'] }).toEqual({ status: 400, code: 'invalid_request' });
    const twice = await auth.ask(`/v1/connections/${theirConnection}?organization=${ours.org}&organization=${theirs.org}`);
    expect(twice.status).toBe(400);
  });
});

/** In a path; bodies hold them as they are. */
function encoded(ids: Ids): Ids {
  return Object.fromEntries(
    Object.entries(ids).map(([name, id]: [string, string]) => [name, encodeURIComponent(id)]),
  ) as unknown as Ids;
}
