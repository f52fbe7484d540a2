import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { memberRoles, memberSchema, newId, type Member, type MemberRole } from '@keyward/contracts';
import type { AuthHarness } from './harness.js';
import type { OidcServer } from './oidc-server.js';
import { startSignIn } from './oidc-server.js';
import { joinAs } from './members.js';

let auth: AuthHarness;
let oidc: OidcServer;
let org: string;
let owner: string;

beforeAll(async () => {
  ({ auth, oidc } = await startSignIn());
  ({ org } = await auth.tenant());
  owner = await joinAs(auth, oidc, org, 'owner');
});
afterAll(async () => {
  await auth.stop();
  await oidc.stop();
});

const members = async (token?: string): Promise<Member[]> =>
  (await auth.ask<{ members: Member[] }>(`/v1/members?organization=${org}`, token === undefined ? {} : { token })).body.members;

describe('members', () => {
  it('are invited, promoted and removed by an owner; each is audited', async () => {
    const { status, body } = await auth.ask('/v1/members', {
      token: owner,
      body: { organization: org, email: 'Grace@Example.com', role: 'viewer' },
    });
    expect(status).toBe(201);
    const member = memberSchema.strict().parse(body);
    expect(member).toMatchObject({ email: 'grace@example.com', joined: false, lastSignInAt: null });
    const changed = await auth.ask(`/v1/members/${member.id}`, {
      method: 'PATCH',
      token: owner,
      body: { organization: org, role: 'auditor' },
    });
    expect(changed.body).toEqual({ ...member, role: 'auditor' });
    const path = `/v1/members/${member.id}?organization=${org}`;
    expect((await auth.ask(path, { method: 'DELETE', token: owner })).status).toBe(200);
    expect((await auth.ask(path, { method: 'DELETE', token: owner })).status).toBe(404);
    expect(await auth.auditEvent(org, 'member.added')).toBeDefined();
    expect(await auth.auditEvent(org, 'member.role_changed')).toMatchObject({ user: member.id, reason: 'viewer to auditor' });
    expect(await auth.auditEvent(org, 'member.removed')).toMatchObject({ user: member.id });
  });

  it('have one address once', async () => {
    const body = { organization: org, email: 'twice@example.com', role: 'viewer' };
    expect((await auth.ask('/v1/members', { body })).status).toBe(201);
    const again = await auth.ask('/v1/members', { body: { ...body, email: 'TWICE@example.com' } });
    expect([again.status, again.body['code']]).toEqual([409, 'conflict']);
  });

  it('always include an owner, also where two owners remove each other at the same time', async () => {
    const { org: other } = await auth.tenant();
    const tokens = [await joinAs(auth, oidc, other, 'owner'), await joinAs(auth, oidc, other, 'owner')];
    const { body } = await auth.ask<{ members: Member[] }>(`/v1/members?organization=${other}`);
    const ids = body.members.map(({ id }) => id);
    const answers = await Promise.all(
      ids.map((id, i) => auth.ask(`/v1/members/${id}?organization=${other}`, { method: 'DELETE', token: tokens[i] ?? '' })),
    );
    expect(answers.map(({ status }) => status).sort()[0]).toBe(200);
    const { body: left } = await auth.ask<{ members: Member[] }>(`/v1/members?organization=${other}`);
    expect(left.members).toHaveLength(1);
    const [last] = left.members;
    for (const request of [{ method: 'DELETE' }, { method: 'PATCH', body: { role: 'admin' } }]) {
      const refused = await auth.ask(`/v1/members/${last?.id}?organization=${other}`, request);
      expect([refused.status, refused.body['code']]).toEqual([409, 'conflict']);
    }
  });

  it('who are removed or demoted lose what they could do with the next request', async () => {
    const token = await joinAs(auth, oidc, org, 'admin');
    const body = { organization: org, slug: 'before', name: 'Before' };
    expect((await auth.ask('/v1/agents', { token, body })).status).toBe(201);
    const [{ id } = { id: '' }] = await members();
    await auth.ask(`/v1/members/${id}`, { method: 'PATCH', body: { organization: org, role: 'viewer' } });
    expect((await auth.ask('/v1/agents', { token, body: { ...body, slug: 'after' } })).status).toBe(403);
    await auth.ask(`/v1/members/${id}?organization=${org}`, { method: 'DELETE' });
    expect((await auth.ask(`/v1/agents?organization=${org}`, { token })).status).toBe(404);
  });

  it.each([
    [{ email: 'no-address', role: 'viewer' }, '/email'],
    [{ email: 'a@example.com', role: 'root' }, '/role'],
    [{ email: 'a@example.com', role: 'viewer', id: 'mbr_x' }, ''],
    [{ email: 'a@example.com', role: 'viewer', issuer: 'x' }, ''],
    [{ email: `${'a'.repeat(250)}@example.com`, role: 'viewer' }, '/email'],
    [{ email: 'a\u0000@example.com', role: 'viewer' }, '/email'],
  ])('are not made of %j', async (body, pointer) => {
    const refused = await auth.ask<{ code: string; errors: { pointer: string }[] }>('/v1/members', {
      body: { ...body, organization: org },
    });
    expect([refused.status, refused.body.errors[0]?.pointer]).toEqual([400, pointer]);
  });
});

/** One that there is not: whoever may ask for it is told so. */
const webhook = (rest = '') => `/v1/webhook-endpoints/${newId('whe')}${rest}`;

/** What the least role for each is; whoever has less is refused, whoever has more may. */
const NEEDS: [string, string, (org: string, agent: string) => { path: string; method: string; body?: object }, MemberRole][] = [
  ['GET', 'members', (o) => ({ method: 'GET', path: `/v1/members?organization=${o}` }), 'viewer'],
  ['GET', 'agents', (o) => ({ method: 'GET', path: `/v1/agents?organization=${o}` }), 'viewer'],
  ['GET', 'connections', (o) => ({ method: 'GET', path: `/v1/connections?organization=${o}` }), 'viewer'],
  ['GET', 'provider apps', (o) => ({ method: 'GET', path: `/v1/provider-apps?organization=${o}` }), 'viewer'],
  ['GET', 'keys', (o, a) => ({ method: 'GET', path: `/v1/agents/${a}/keys?organization=${o}` }), 'viewer'],
  ['GET', 'webhooks', (o) => ({ method: 'GET', path: `/v1/webhook-endpoints?organization=${o}` }), 'viewer'],
  ['POST', 'keys', (o, a) => ({ method: 'POST', path: `/v1/agents/${a}/keys?organization=${o}` }), 'admin'],
  [
    'PUT',
    'assignments',
    (o, a) => ({ method: 'PUT', path: `/v1/agents/${a}/assignments`, body: { organization: o, assignments: [] } }),
    'admin',
  ],
  [
    'POST',
    'webhooks',
    (o) => ({ method: 'POST', path: '/v1/webhook-endpoints', body: { organization: o, url: 'https://receiver.example/' } }),
    'admin',
  ],
  ['GET', 'deliveries of a webhook', (o) => ({ method: 'GET', path: webhook(`/deliveries?organization=${o}`) }), 'viewer'],
  ['PATCH', 'a webhook', (o) => ({ method: 'PATCH', path: webhook(), body: { organization: o, enabled: true } }), 'admin'],
  ['POST', 'test of a webhook', (o) => ({ method: 'POST', path: webhook('/test'), body: { organization: o } }), 'admin'],
  [
    'POST',
    'secret of a webhook',
    (o) => ({ method: 'POST', path: webhook('/rotate-secret'), body: { organization: o } }),
    'admin',
  ],
  ['DELETE', 'a webhook', (o) => ({ method: 'DELETE', path: webhook(`?organization=${o}`) }), 'admin'],
  [
    'POST',
    'NATS credentials',
    (o, a) => ({ method: 'POST', path: `/v1/agents/${a}/nats-credentials`, body: { organization: o } }),
    'admin',
  ],
  [
    'POST',
    'connect sessions',
    (o, a) => ({
      method: 'POST',
      path: '/v1/connect-sessions',
      body: { organization: o, agent: a, user: 'ada', provider: 'sandbox' },
    }),
    'admin',
  ],
  [
    'POST',
    'members',
    (o) => ({
      method: 'POST',
      path: '/v1/members',
      body: { organization: o, email: `${newId('msg')}@example.com`, role: 'viewer' },
    }),
    'owner',
  ],
];

describe('roles', () => {
  it('each may do what the next may, and more', async () => {
    const tenant = await auth.tenant();
    const tokens = new Map<MemberRole, string>();
    for (const role of memberRoles) tokens.set(role, await joinAs(auth, oidc, tenant.org, role));
    for (const [method, what, request, least] of NEEDS) {
      for (const role of memberRoles) {
        const { path, ...init } = request(tenant.org, tenant.agent);
        const { status } = await auth.ask(path, { ...init, token: tokens.get(role) ?? '' });
        const allowed = memberRoles.indexOf(role) <= memberRoles.indexOf(least);
        expect([method, what, role, status === 403 ? 'forbidden' : status < 300 || status === 404]).toEqual([
          method,
          what,
          role,
          allowed || 'forbidden',
        ]);
      }
    }
  });

  it('none reaches across organizations: making and listing them is the operator’s', async () => {
    for (const body of [undefined, { slug: 'mine', name: 'Mine' }]) {
      const { status } = await auth.ask('/v1/organizations', { token: owner, ...(body === undefined ? {} : { body }) });
      expect(status).toBe(403);
    }
  });

  it('a request that names two organizations is refused', async () => {
    const theirs = await auth.tenant();
    const answer = await auth.ask(`/v1/agents?organization=${org}`, {
      token: owner,
      body: { organization: theirs.org, slug: 's', name: 'S' },
    });
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
    const twice = await auth.ask(`/v1/agents?organization=${org}&organization=${theirs.org}`, { token: owner });
    expect(twice.status).toBe(400);
  });
});
