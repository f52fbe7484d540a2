import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AGENT_KEY_PATTERN, agentKeySecretHash, newId, parseAgentKey, type ControlRevoked } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { AuthHarness, type Tenant } from './harness.js';

let auth: AuthHarness;
let ours: Tenant;
let theirs: Tenant;
beforeAll(async () => {
  auth = await AuthHarness.start();
  [ours, theirs] = [await auth.tenant(), await auth.tenant()];
});
afterAll(() => auth.stop());

const ROUTES = [
  ['GET', '/v1/organizations'],
  ['POST', '/v1/organizations'],
  ['GET', '/v1/agents'],
  ['POST', '/v1/agents'],
  ['POST', '/v1/agents/agt_x/keys'],
  ['GET', '/v1/agents/agt_x/keys'],
  ['DELETE', '/v1/agents/agt_x/keys/key_x'],
  ['PUT', '/v1/agents/agt_x/assignments'],
  ['GET', '/v1/agents/agt_x/assignments'],
  ['POST', '/v1/agents/agt_x/nats-credentials'],
  ['POST', '/v1/provider-apps'],
  ['GET', '/v1/provider-apps'],
  ['PUT', '/v1/provider-apps/app_x'],
  ['POST', '/v1/connect-sessions'],
  ['GET', '/v1/connections'],
  ['GET', '/v1/connections/conn_x'],
  ['DELETE', '/v1/connections/conn_x'],
] as const;

describe('the admin token', () => {
  it.each(ROUTES)('%s %s is closed without it', async (method, path) => {
    for (const token of ['', 'wrong', 'admin-token-of-the-tests-012345678', `kwa_${'0'.repeat(32)}_${'A'.repeat(43)}`]) {
      const { status, body } = await auth.ask(path, { method, token, ...(method === 'GET' ? {} : { body: {} }) });
      expect({ status, code: body['code'] }).toEqual({ status: 401, code: 'unauthenticated' });
    }
  });
});

describe('organizations and agents', () => {
  it('a slug is taken once', async () => {
    const body = { slug: 'taken', name: 'Taken' };
    expect((await auth.ask('/v1/organizations', { body })).status).toBe(201);
    expect((await auth.ask('/v1/organizations', { body })).body).toMatchObject({ status: 409, code: 'conflict' });
    const agent = { organization: ours.org, slug: 'taken', name: 'Taken' };
    expect((await auth.ask('/v1/agents', { body: agent })).status).toBe(201);
    expect((await auth.ask('/v1/agents', { body: agent })).body).toMatchObject({ status: 409, code: 'conflict' });
    expect((await auth.ask('/v1/agents', { body: { ...agent, organization: theirs.org } })).status).toBe(201);
  });

  it('lists come in pages that add up to everything, newest first', async () => {
    const tenant = await auth.tenant();
    for (let i = 0; i < 101; i++) {
      await auth.ask('/v1/agents', { body: { organization: tenant.org, slug: `agent-${i}`, name: 'Agent' } });
    }
    interface AgentPage {
      agents: { id: string }[];
      nextCursor: string | null;
    }
    const first = (await auth.ask<AgentPage>(`/v1/agents?organization=${tenant.org}`)).body;
    const second = (await auth.ask<AgentPage>(`/v1/agents?organization=${tenant.org}&cursor=${first.nextCursor}`)).body;
    const ids = [...first.agents, ...second.agents].map(({ id }) => id);
    expect([first.agents.length, second.agents.length, second.nextCursor]).toEqual([100, 2, null]);
    expect(ids).toEqual(ids.toSorted().reverse());
    expect(new Set(ids).size).toBe(102);
    expect((await auth.ask(`/v1/agents?organization=${tenant.org}&cursor=x' OR 1=1`)).body['code']).toBe('invalid_request');
  });

  it.each([
    [{ slug: 'Upper', name: 'x' }, '/slug'],
    [{ slug: 'ok', name: '' }, '/name'],
    [{ slug: 'ok', name: 'a\u0000b' }, '/name'],
    [{ slug: 'ok', name: 'a\nb' }, '/name'],
    [{ slug: 'ok', name: 'a\ud800' }, '/name'],
    [{ slug: 'ok', name: 'x', returnUrls: ['javascript:alert(1)'] }, '/returnUrls/0'],
    [{ slug: 'ok', name: 'x', returnUrls: ['https://ok.example', 'https://a@evil.example/'] }, '/returnUrls/1'],
    [{ slug: 'ok', name: 'x', id: 'org_00000000000000000000000000000000' }, ''],
  ])('an organization like %j is refused, with the place', async (body, pointer) => {
    const answer = await auth.ask<{ code: string; errors: { pointer: string }[] }>('/v1/organizations', { body });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0]?.pointer).toBe(pointer);
  });
});

describe('agent keys', () => {
  const keysPath = ({ agent, org }: Tenant, rest = '') => `/v1/agents/${agent}/keys${rest}?organization=${org}`;

  it('are shown once and stored as a hash', async () => {
    const created = await auth.ask<{ id: string; key: string; lastFour: string }>(keysPath(ours), { method: 'POST' });
    expect(created.status).toBe(201);
    const { key, id, lastFour } = created.body;
    expect(key).toMatch(AGENT_KEY_PATTERN);
    const secret = parseAgentKey(key)?.secret ?? '';
    expect(lastFour).toBe(secret.slice(-4));
    const { rows } = await auth.database.query('SELECT * FROM identity.agent_key WHERE id = $1', [id]);
    expect(rows[0]).toMatchObject({ secret_sha256: agentKeySecretHash(secret), agent_id: ours.agent });
    expect(JSON.stringify(rows)).not.toContain(secret);
    const list = await auth.ask<{ keys: object[] }>(keysPath(ours));
    expect(list.body.keys).toContainEqual({
      ...{ id, agent: ours.agent, lastFour, revokedAt: null, expiresAt: null },
      createdAt: expect.any(String),
    });
    expect(JSON.stringify(list.body)).not.toContain(secret);
  });

  it('once revoked open nothing, and every cache is told', async () => {
    const { body } = await auth.ask<{ id: string; key: string }>(keysPath(ours), { method: 'POST' });
    const credentials = () => auth.ask(`/v1/agents/${ours.agent}/nats-credentials`, { method: 'POST', token: body.key });
    expect((await credentials()).status).toBe(201);
    const heard: ControlRevoked[] = [];
    const subscription = auth.nc.subscribe('control.revoked', { callback: (_error, message) => void heard.push(message.json()) });
    await auth.nc.flush();
    const revoked = await auth.ask(keysPath(ours, `/${body.id}`), { method: 'DELETE' });
    expect(revoked.body['revokedAt']).toEqual(expect.any(String));
    await waitFor(() => heard.length > 0);
    expect(heard).toEqual([{ kind: 'agent_key', org: ours.org, agent: ours.agent, key: body.id }]);
    subscription.unsubscribe();
    expect((await credentials()).body).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect((await auth.ask(keysPath(ours, `/${body.id}`), { method: 'DELETE' })).body['revokedAt']).toBe(
      revoked.body['revokedAt'],
    );
    await waitFor(async () => (await auth.auditEvents(ours.org)).some(({ type }) => type === 'agent_key.revoked'));
    const events = (await auth.auditEvents(ours.org)).filter(
      ({ type, reason }) => type === 'agent_key.revoked' && reason === body.id,
    );
    expect(events).toHaveLength(1);
  });

  it('open nothing with a wrong secret or of another agent', async () => {
    const { body } = await auth.ask<{ key: string }>(keysPath(ours), { method: 'POST' });
    const wrong = body.key.slice(0, -43) + 'A'.repeat(43);
    const path = (agent: string) => `/v1/agents/${agent}/nats-credentials`;
    expect((await auth.ask(path(ours.agent), { method: 'POST', token: wrong })).status).toBe(401);
    expect((await auth.ask(path(theirs.agent), { method: 'POST', token: body.key })).status).toBe(404);
    expect((await auth.ask(path(newId('agt')), { method: 'POST', token: body.key })).status).toBe(404);
    expect((await auth.ask('/v1/organizations', { token: body.key })).status).toBe(401);
  });
});

describe('assignments', () => {
  const path = ({ agent, org }: Tenant) => `/v1/agents/${agent}/assignments?organization=${org}`;

  it('are replaced as a whole, read-only unless said otherwise', async () => {
    const put = (assignments: unknown) => auth.ask(path(ours), { method: 'PUT', body: { assignments } });
    const first = await put([
      { connector: 'sandbox', permission: 'write', tools: ['sandbox_list_notes', 'sandbox_create_note'] },
    ]);
    expect(first.status).toBe(200);
    const second = await put([{ connector: 'sandbox' }]);
    expect(second.body).toEqual({ assignments: [{ connector: 'sandbox', permission: 'read', tools: null }] });
    expect((await auth.ask(path(ours))).body).toEqual(second.body);
    expect((await put([])).body).toEqual({ assignments: [] });
    await waitFor(
      async () => (await auth.auditEvents(ours.org)).filter(({ type }) => type === 'assignment.changed').length === 3,
    );
    const reasons = (await auth.auditEvents(ours.org))
      .filter(({ type }) => type === 'assignment.changed')
      .map(({ reason }) => reason);
    expect(reasons).toEqual(['sandbox: write, sandbox_list_notes sandbox_create_note', 'sandbox: read, all tools', 'none']);
  });

  it.each([
    [[{ connector: 'nobody' }], '/assignments/0/connector'],
    [[{ connector: 'sandbox' }, { connector: 'sandbox' }], '/assignments/1/connector'],
    [[{ connector: 'sandbox', tools: ['sandbox_list_notes', 'sandbox_rm_rf'] }], '/assignments/0/tools/1'],
    [[{ connector: 'sandbox', permission: 'root' }], '/assignments/0/permission'],
  ])('%j is refused, with the place, and nothing changes', async (assignments, pointer) => {
    const answer = await auth.ask<{ errors: { pointer: string }[] }>(path(theirs), { method: 'PUT', body: { assignments } });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0]?.pointer).toBe(pointer);
    expect((await auth.ask(path(theirs))).body).toEqual({ assignments: [] });
  });
});

describe('provider apps', () => {
  it('have a redirect URI of their own each, one per organization and provider, and never show the secret', async () => {
    expect(ours.app.redirectUri).toMatch(new RegExp(`^${auth.url}/oauth/callback/[0-9a-f]{32}$`));
    expect(ours.app.redirectUri).not.toBe(theirs.app.redirectUri);
    const body = { organization: ours.org, provider: 'sandbox', clientId: 'c', clientSecret: 'secret-canary-of-a-client' };
    expect((await auth.ask('/v1/provider-apps', { body })).body).toMatchObject({ status: 409, code: 'conflict' });
    const list = await auth.ask(`/v1/provider-apps?organization=${ours.org}`);
    expect(JSON.stringify(list.body)).not.toMatch(/secret/i);
  });

  it('take a new secret and keep their redirect URI', async () => {
    const tenant = await auth.tenant();
    const path = `/v1/provider-apps/${tenant.app.id}`;
    const replaced = await auth.ask(path, {
      method: 'PUT',
      body: { organization: tenant.org, clientId: 'client-2', clientSecret: 'another-secret-canary' },
    });
    expect(replaced.body).toMatchObject({ id: tenant.app.id, clientId: 'client-2', redirectUri: tenant.app.redirectUri });
    expect(await auth.auditEvent(tenant.org, 'provider_app.updated')).toMatchObject({ provider: 'sandbox' });
    const { rows } = await auth.database.query(
      'SELECT generation, encode(sealed_secret, $2) AS sealed FROM vault.provider_app WHERE id = $1',
      [tenant.app.id, 'escape'],
    );
    expect(rows[0]).toMatchObject({ generation: 2 });
    expect(JSON.stringify(rows)).not.toContain('canary');
  });

  it.each([
    [{ provider: 'nobody' }, '/provider'],
    [{ clientSecret: undefined }, '/clientSecret'],
    [{ clientId: '' }, '/clientId'],
    [{ clientId: 'a\u0000' }, '/clientId'],
    [{ clientSecret: 'sécret' }, '/clientSecret'],
  ])('with %j are refused', async (change, pointer) => {
    const tenant = await auth.tenant();
    const body = { organization: tenant.org, provider: 'sandbox', clientId: 'c', clientSecret: 's', ...change };
    const answer = await auth.ask<{ errors: { pointer: string }[] }>('/v1/provider-apps', { body });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0]?.pointer).toBe(pointer);
  });
});
