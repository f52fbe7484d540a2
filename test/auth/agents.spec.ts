import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, type Agent, type AppliedManifest, type Assignment, type StoredManifest } from '@keyward/contracts';
import { sandboxConnectors, waitFor } from '@keyward/testing';
import { Browser } from './browser.js';
import { AuthHarness, CONNECTORS, type Answer, type Tenant } from './harness.js';

let auth: AuthHarness;
let ours: Tenant;
let slug: string;

beforeAll(async () => {
  auth = await AuthHarness.start({ env: { KEYWARD_CONNECTORS_DIR: sandboxConnectors(CONNECTORS, 'github') } });
  ours = await auth.tenant();
  slug = (await auth.ask<Agent>(`/v1/agents/${ours.agent}?organization=${ours.org}`)).body.slug;
});
afterAll(() => auth.stop());

const tool = (name: string, more: object = {}) => ({ name: `sandbox_${name}`, connector: 'sandbox', ...more });

const put = (manifest: object, query = ''): Promise<Answer<AppliedManifest>> =>
  auth.ask(`/v1/manifests${query}`, { method: 'PUT', body: { organization: ours.org, manifest } });

const assignments = async (agent: string) =>
  (await auth.ask<{ assignments: Assignment[] }>(`/v1/agents/${agent}/assignments?organization=${ours.org}`)).body.assignments;

describe('an agent manifest', () => {
  const wanted = { agent: 'writer', name: 'Writer', tools: [tool('list_notes'), tool('echo')] };

  it('makes the agent and exactly the assignments that it names, read-only where it says nothing else', async () => {
    const { status, body } = await put(wanted);
    expect(status).toBe(200);
    const expected = { connector: 'sandbox', permission: 'read', tools: ['sandbox_echo', 'sandbox_list_notes'] };
    expect(body).toEqual({
      ...{ agent: expect.stringMatching(/^agt_/), created: true, changed: true, version: 1, missingScopes: [] },
      assignments: { added: [expected], changed: [], removed: [] },
    });
    expect(await assignments(body.agent)).toEqual([expected]);
    const { body: agent } = await auth.ask<Agent>(`/v1/agents/${body.agent}?organization=${ours.org}`);
    expect(agent).toMatchObject({ id: body.agent, slug: 'writer', name: 'Writer', organization: ours.org });
  });

  it('applied twice changes nothing, and says so', async () => {
    const { body } = await put({ ...wanted, tools: wanted.tools });
    expect(body).toMatchObject({ created: false, changed: false, version: 1 });
    expect(body.assignments).toEqual({ added: [], changed: [], removed: [] });
    const applied = await waitFor(async () => {
      const found = (await auth.auditEvents(ours.org)).filter(({ type }) => type === 'agent.manifest_applied');
      return found.length > 0 ? found : undefined;
    });
    expect(applied).toHaveLength(1);
  });

  it('is told apart from what it replaces: other tools, another level, no connector any more', async () => {
    const { body } = await put({ ...wanted, tools: [tool('create_note')], permissions: { sandbox: 'write' } });
    const changed = { connector: 'sandbox', permission: 'write', tools: ['sandbox_create_note'] };
    expect(body).toMatchObject({ changed: true, version: 2, assignments: { added: [], changed: [changed], removed: [] } });
    const emptied = await put({ ...wanted, tools: [] });
    expect(emptied.body).toMatchObject({ version: 3, assignments: { added: [], changed: [], removed: ['sandbox'] } });
    expect(await assignments(body.agent)).toEqual([]);
  });

  it('puts right what was assigned by hand in between', async () => {
    const { body } = await put(wanted);
    const path = `/v1/agents/${body.agent}/assignments`;
    await auth.ask(path, { method: 'PUT', body: { organization: ours.org, assignments: [{ connector: 'sandbox' }] } });
    const again = await put(wanted);
    expect(again.body).toMatchObject({ changed: true, version: body.version + 1 });
    expect((await assignments(body.agent))[0]?.tools).toEqual(['sandbox_echo', 'sandbox_list_notes']);
  });

  it('is read back as it was applied', async () => {
    const { body } = await put(wanted);
    const stored = await auth.ask<StoredManifest>(`/v1/agents/${body.agent}/manifest?organization=${ours.org}`);
    expect(stored.body).toEqual({
      ...{ agent: body.agent, version: body.version, manifest: { ...wanted, permissions: {} } },
      ...{ appliedBy: 'admin', appliedAt: expect.any(String) },
    });
    const none = await auth.ask(`/v1/agents/${ours.agent}/manifest?organization=${ours.org}`);
    expect([none.status, none.body['code']]).toEqual([404, 'not_found']);
  });

  it('is applied to the agent that is named by its id, and to no other', async () => {
    const path = `/v1/agents/${ours.agent}/manifest?organization=${ours.org}`;
    const other = await auth.ask(path, { method: 'PUT', body: wanted });
    expect([other.status, JSON.stringify(other.body['errors'])]).toEqual([400, expect.stringContaining('"/agent"')]);
    const own = await auth.ask(path, { method: 'PUT', body: { agent: slug, tools: [tool('echo')] } });
    expect(own.body).toMatchObject({ agent: ours.agent, created: false, changed: true });
  });

  it.each([
    ['a connector that there is not', { tools: [{ name: 'sandbox_echo', connector: 'nowhere' }] }, '/tools/0/connector'],
    ['a tool that there is not', { tools: [tool('echo'), tool('nothing')] }, '/tools/1/name'],
    ['a tool of another connector', { tools: [{ name: 'sandbox_echo', connector: 'github' }] }, '/tools/0'],
    ['a tool twice', { tools: [tool('echo'), tool('echo')] }, '/tools/1/name'],
    ['a write where only reading is permitted', { tools: [tool('create_note')] }, '/tools/0/name'],
    ['a permission for nothing', { tools: [], permissions: { sandbox: 'write' } }, '/permissions/sandbox'],
    ['a permission that there is not', { tools: [tool('echo')], permissions: { sandbox: 'root' } }, '/permissions/sandbox'],
    ['a permission for a prototype', JSON.parse('{"tools":[],"permissions":{"__proto__":"write"}}') as object, ''],
    ['a slug that is none', { agent: '../x', tools: [] }, '/agent'],
    ['what it knows nothing of', { tools: [], secrets: [] }, ''],
  ])('with %s is refused whole, and says where', async (_what, more, pointer) => {
    const { status, body } = await put({ agent: `bad-${Date.now()}`, ...more });
    expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining(pointer)]);
    const { body: list } = await auth.ask<{ agents: Agent[] }>(`/v1/agents?organization=${ours.org}`);
    expect(list.agents.filter((agent) => agent.slug.startsWith('bad-'))).toEqual([]);
  });

  it('says which scopes connections lack, with a link that asks for the union where a user is named', async () => {
    const manifest = { agent: slug, tools: [tool('list_notes'), tool('delete_note')], permissions: { sandbox: 'destructive' } };
    const nobody = await put(manifest, '?user=usr_ada');
    expect(nobody.body.missingScopes).toMatchObject([
      { tool: 'sandbox_list_notes', connection: null, user: 'usr_ada', connectUrl: expect.stringContaining('/connect/') },
      { tool: 'sandbox_delete_note', connection: null, user: 'usr_ada' },
    ]);
    await new Browser().connect((await auth.session(ours, { scopes: ['notes:read'] })).url);
    const [connection] = await auth.connections(ours);
    const named = await put(
      { ...manifest, tools: [tool('list_notes', { scopes: ['notes:read', 'notes:write'] })] },
      '?user=usr_ada',
    );
    expect(named.body.missingScopes).toEqual([
      {
        ...{ tool: 'sandbox_list_notes', connector: 'sandbox', connection: connection?.id, user: 'usr_ada' },
        ...{ scopes: ['notes:write'], connectUrl: expect.stringContaining(`${auth.url}/connect/`) },
      },
    ]);
    const everyone = await put({ ...manifest, tools: [tool('list_notes', { scopes: ['notes:write'] })] });
    expect(everyone.body.missingScopes).toMatchObject([{ scopes: ['notes:write'] }]);
    expect(everyone.body.missingScopes[0]).not.toHaveProperty('connectUrl');
    await new Browser().connect(named.body.missingScopes[0]?.connectUrl ?? '');
    const after = await put({ ...manifest, tools: [tool('list_notes', { scopes: ['notes:write'] })] }, '?user=usr_ada');
    expect(after.body.missingScopes).toEqual([]);
    expect((await auth.connections(ours)).map(({ id }) => id)).toEqual([connection?.id]);
  });
});

describe('rotating an agent key', () => {
  interface Key {
    id: string;
    key: string;
    expiresAt: string | null;
    revokedAt: string | null;
    replaced: Key;
  }
  const keys = () => `/v1/agents/${ours.agent}/keys`;
  const create = async () => (await auth.ask<Key>(keys(), { body: { organization: ours.org } })).body;
  const rotate = (id: string, body: object = {}) =>
    auth.ask<Key>(`${keys()}/${id}/rotate`, { body: { organization: ours.org, ...body } });
  const opens = async (key: string) =>
    (await auth.ask(`/v1/agents/${ours.agent}/nats-credentials`, { token: key, method: 'POST' })).status === 201;

  it('gives a new key, and lets the old one work for a day', async () => {
    const old = await create();
    const { status, body } = await rotate(old.id);
    expect(status).toBe(201);
    expect(body).toMatchObject({ expiresAt: null, replaced: { id: old.id } });
    const overlap = new Date(body.replaced.expiresAt ?? 0).getTime() - Date.now();
    expect(Math.abs(overlap - 86_400_000)).toBeLessThan(60_000);
    expect([await opens(old.key), await opens(body.key)]).toEqual([true, true]);
    const { body: list } = await auth.ask<{ keys: Key[] }>(`${keys()}?organization=${ours.org}`);
    expect(list.keys.find(({ id }) => id === old.id)?.expiresAt).toBe(body.replaced.expiresAt);
    expect(await auth.auditEvent(ours.org, 'agent_key.rotated')).toMatchObject({ agent: ours.agent });
  });

  it('without an overlap ends the old key at once, for good', async () => {
    const old = await create();
    const { body } = await rotate(old.id, { overlapSeconds: 0 });
    expect([await opens(old.key), await opens(body.key)]).toEqual([false, true]);
    const again = await rotate(old.id);
    expect(again.status).toBe(409);
  });

  it('again never prolongs the old key', async () => {
    const old = await create();
    const first = await rotate(old.id, { overlapSeconds: 60 });
    const second = await rotate(old.id, { overlapSeconds: 2_592_000 });
    expect(second.body.replaced.expiresAt).toBe(first.body.replaced.expiresAt);
  });

  it.each([-1, 1.5, 2_592_001, '60', null])('with an overlap of %j is refused', async (overlapSeconds) => {
    const old = await create();
    expect((await rotate(old.id, { overlapSeconds })).status).toBe(400);
    expect(await opens(old.key)).toBe(true);
  });

  it('of which every key is revoked ends what waits for a person, as what runs; another agent’s goes on waiting', async () => {
    const other = await auth.agent(ours.org);
    const rows = [ours.agent, other].map((agent) => [newId('exe'), ours.org, agent]);
    for (const values of rows)
      await auth.database.query(
        `INSERT INTO execution.waiting (id, org_id, agent_id, user_id, tool, provider, reason, request, trace_id, asked_at, looked_at, expires_at)
         VALUES ($1, $2, $3, 'usr_ada', 'acme_wipe', 'acme', 'connection_required', '{}', '', now(), now(), now() + interval '1 day')`,
        values,
      );
    await auth.ask(`${keys()}?organization=${ours.org}`, { method: 'DELETE' });
    const left = await auth.database.query<{ state: string; request: string | null }>(
      'SELECT state, request FROM execution.waiting WHERE org_id = $1 ORDER BY agent_id = $2 DESC',
      [ours.org, ours.agent],
    );
    expect(left.rows).toEqual([
      { state: 'cancelled', request: null },
      { state: 'waiting', request: '{}' },
    ]);
  });

  it('can be called off: both keys are revoked at once', async () => {
    const old = await create();
    const { body } = await rotate(old.id);
    const revoked = await auth.ask<{ keys: Key[] }>(`${keys()}?organization=${ours.org}`, { method: 'DELETE' });
    expect(revoked.status).toBe(200);
    expect(revoked.body.keys.every(({ revokedAt }) => revokedAt !== null)).toBe(true);
    expect([await opens(old.key), await opens(body.key)]).toEqual([false, false]);
    expect((await rotate(body.id)).status).toBe(409);
  });

  it('of nobody’s key is answered like that of none', async () => {
    const { status, body } = await rotate(newId('key'));
    expect([status, (body as unknown as { code: string }).code]).toEqual([404, 'not_found']);
  });
});
