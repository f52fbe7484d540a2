import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, type Connection } from '@keyward/contracts';
import { AcmeHarness } from './acme-harness.js';
import type { AuthHarness } from './harness.js';

interface Ids {
  org: string;
  agent: string;
  connection: string;
}
interface Request {
  method: string;
  path: string;
  body?: object;
}

/** Every route for connections that takes an id, as a request in which ids can be exchanged. */
const ROUTES: [string, keyof Ids, (ids: Ids) => Request][] = [
  ['list', 'org', ({ org }) => ({ method: 'GET', path: `/v1/connections?organization=${org}` })],
  ['create: organization', 'org', (ids) => create(ids)],
  ['create: agent', 'agent', (ids) => create(ids)],
  ['create: grantee', 'agent', ({ org, agent }) => workspace(org, agent)],
  [
    'revoke by agent: organization',
    'org',
    ({ org }) => ({ method: 'POST', path: '/v1/connections/revoke', body: { organization: org, everything: true } }),
  ],
  [
    'revoke by agent: agent',
    'agent',
    ({ org, agent }) => ({ method: 'POST', path: '/v1/connections/revoke', body: { organization: org, agent } }),
  ],
  ['read', 'connection', (ids) => ({ method: 'GET', path: one(ids) })],
  ['history', 'connection', (ids) => ({ method: 'GET', path: one(ids, '/history') })],
  ['test', 'connection', (ids) => ({ method: 'POST', path: one(ids, '/test') })],
  ['disconnect', 'connection', (ids) => ({ method: 'DELETE', path: one(ids) })],
  [
    'share',
    'connection',
    ({ org, connection }) => ({
      method: 'PUT',
      path: `/v1/connections/${encodeURIComponent(connection)}/agents`,
      body: { organization: org, agents: [] },
    }),
  ],
  ['erase', 'org', ({ org }) => ({ method: 'DELETE', path: `/v1/users/usr_ada?organization=${encodeURIComponent(org)}` })],
];
const PREFIX = { org: 'org', agent: 'agt', connection: 'conn' } as const;

function one({ org, connection }: Ids, rest = ''): string {
  return `/v1/connections/${encodeURIComponent(connection)}${rest}?organization=${encodeURIComponent(org)}`;
}
function create({ org, agent }: Ids): Request {
  const body = { organization: org, agent, user: 'usr_eve', provider: 'acme_key', secret: 'x' };
  return { method: 'POST', path: '/v1/connections', body };
}
function workspace(org: string, agent: string): Request {
  const body = { organization: org, kind: 'workspace', agents: [agent], provider: 'acme_key', secret: 'x' };
  return { method: 'POST', path: '/v1/connections', body };
}

let here: AcmeHarness;
let auth: AuthHarness;
let ours: Ids;
let theirs: Ids;
let gone: Ids;
beforeAll(async () => {
  here = await AcmeHarness.start();
  ({ auth } = here);
  [ours, theirs, gone] = [await stocked(), await stocked(), await stocked()];
  await auth.database.query('DELETE FROM vault.connection WHERE id = $1', [gone.connection]);
});
afterAll(() => here.stop());

async function stocked(): Promise<Ids> {
  const { org, agent } = await auth.team();
  return { org, agent, connection: (await here.connected({ org, agent })).id };
}

async function answer(request: Request): Promise<{ status: number; problem: object }> {
  const { path, method, body } = request;
  const response = await auth.ask(path, { method, ...(body === undefined ? {} : { body }) });
  const { traceId: _traceId, ...problem } = response.body;
  return { status: response.status, problem };
}

describe('a connection, agent or organization that is not there to be seen is answered like one that does not exist', () => {
  it.each(ROUTES)('%s', async (_name, subject, route) => {
    const mine = { ...ours, connection: newId('conn') };
    const absent = await answer(route({ ...mine, [subject]: newId(PREFIX[subject]) }));
    expect(absent.status).toBe(404);
    const theirId = theirs[subject];
    const hostile: Ids[] = [
      { ...mine, [subject]: theirId.toUpperCase() },
      { ...theirs, [subject]: theirId.toUpperCase() },
      { ...mine, [subject]: `${theirId.slice(0, -1)}\u0130` },
      { ...mine, [subject]: `${theirId}x` },
      { ...mine, [subject]: 'null' },
      { ...mine, [subject]: '..' + theirId },
      // An organization that does not exist around a thing that does.
      { ...theirs, org: newId('org') },
      { ...theirs, org: theirs.org.toUpperCase() },
    ];
    // The thing of another organization asked for in ours; what was there once.
    if (subject !== 'org') hostile.push({ ...theirs, org: ours.org });
    if (subject === 'connection') hostile.push(gone);
    for (const ids of hostile) expect({ ids, ...(await answer(route(ids))) }).toEqual({ ids, ...absent });
  });

  it('and nothing was changed by asking', async () => {
    for (const { org, connection } of [ours, theirs]) {
      const { body } = await auth.ask<Connection>(`/v1/connections/${connection}?organization=${org}`);
      expect(body).toMatchObject({ status: 'active', user: 'usr_ada' });
      expect(await auth.connections({ org })).toHaveLength(1);
    }
  });

  it('an organization that the query and the body name differently is none', async () => {
    const { body, path } = create(ours);
    const response = await auth.ask(`${path}?organization=${theirs.org}`, { body });
    expect(response.body).toMatchObject({ status: 400, code: 'invalid_request' });
  });
});

describe('without credentials', () => {
  const OTHERS: Request[] = [
    { method: 'GET', path: '/v1/organizations/org_x' },
    { method: 'PATCH', path: '/v1/organizations/org_x', body: {} },
    { method: 'POST', path: '/v1/organizations/org_x/shred', body: {} },
    { method: 'POST', path: '/v1/organizations/org_x/data-keys/rotate' },
    { method: 'POST', path: '/v1/vault/rewrap', body: {} },
  ];

  it('every route is closed, to whatever id', async () => {
    const requests = [
      ...OTHERS,
      ...ROUTES.flatMap(([, , route]) => [route(ours), route(theirs), route({ ...ours, org: 'org_x' })]),
    ];
    for (const { path, method, body } of requests) {
      for (const token of ['', 'wrong', `kwa_${'0'.repeat(32)}_${'A'.repeat(43)}`]) {
        const { status, body: problem } = await auth.ask(path, { method, token, ...(body === undefined ? {} : { body }) });
        expect({ path, status, code: problem['code'] }).toEqual({ path, status: 401, code: 'unauthenticated' });
      }
    }
  });
});
