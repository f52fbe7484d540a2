import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ControlRevoked, RevokedConnections } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import type { Acme } from './acme.js';
import { AcmeHarness } from './acme-harness.js';
import type { AuthHarness } from './harness.js';

let here: AcmeHarness;
let acme: Acme;
let auth: AuthHarness;
let org: string;
let agent: string;
beforeAll(async () => {
  here = await AcmeHarness.start();
  ({ acme, auth } = here);
});
afterAll(() => here.stop());
beforeEach(async () => {
  ({ org, agent } = await auth.team());
});

const at = (id: string) => `/v1/connections/${id}?organization=${org}`;
const connected = async (change: object = {}) => (await here.connected({ org, agent }, change)).id;
const revoke = async (filter: object) =>
  (await auth.ask<RevokedConnections>('/v1/connections/revoke', { body: { organization: org, ...filter } })).body;
const read = (id: string) => here.read(org, id);
const settled = (id: string, state: string) => here.settled(org, id, state);
const tried = (id: string, attempts: number) => here.tried(org, id, attempts);
const held = async (id: string) =>
  (await auth.database.query('SELECT 1 FROM vault.credential WHERE connection_id = $1', [id])).rowCount;

/** Broadcasts, and what the database said of the connections at the moment each came. */
async function listen<T>(look: () => Promise<T>): Promise<{ heard: { message: ControlRevoked; seen: T }[]; stop: () => void }> {
  const heard: { message: ControlRevoked; seen: T }[] = [];
  const subscription = auth.nc.subscribe('control.revoked', {
    callback: (_error, message) => void look().then((seen) => heard.push({ message: message.json<ControlRevoked>(), seen })),
  });
  await auth.nc.flush();
  return { heard, stop: () => subscription.unsubscribe() };
}
const statuses = async () => {
  const { rows } = await auth.database.query<{ status: string }>(
    'SELECT DISTINCT status FROM vault.connection WHERE org_id = $1',
    [org],
  );
  return rows.map(({ status }) => status).sort();
};

describe('revoking everything that matches', () => {
  it.each([
    ['a user', () => ({ user: 'usr_bob' }), ['bob']],
    ['an agent', () => ({ agent }), ['ada', 'bob', 'basic']],
    ['a provider', () => ({ provider: 'acme_basic' }), ['basic']],
    ['a user at a provider', () => ({ user: 'usr_ada', provider: 'acme_key' }), ['ada', 'elsewhere']],
    ['the whole workspace', () => ({ everything: true }), ['ada', 'bob', 'basic', 'elsewhere', 'shared']],
  ])('of %s takes those and no others', async (_what, filter, expected) => {
    const other = await auth.agent(org);
    const basic = { provider: 'acme_basic', secret: 'ada:pw', parameters: { site: 'a' } };
    const ids: Record<string, string> = {
      ada: await connected(),
      bob: await connected({ user: 'usr_bob' }),
      basic: await connected(basic),
      elsewhere: await connected({ agent: other }),
      shared: await connected({ kind: 'workspace', agent: undefined, user: undefined, agents: [agent, other] }),
    };
    const answer = await revoke(filter());
    const connections = await auth.connections({ org });
    const revoked = Object.keys(ids).filter((name) => connections.find(({ id }) => id === ids[name])?.status === 'revoked');
    expect(revoked.sort()).toEqual([...expected].sort());
    expect(answer).toEqual({ revoked: expected.length, withdrawn: 'agent' in filter() ? 1 : 0 });
    // Of what the workspace shares, an agent that is cut off only stops being one of the users.
    if ('agent' in filter()) expect((await read(ids['shared'] ?? '')).agents).toEqual([other]);
    expect(await revoke(filter())).toEqual({ revoked: 0, withdrawn: 0 });
  });

  it('is broadcast as soon as it holds, with what was named, and ends with a receipt per connection', async () => {
    const ids = [await connected(), await connected({ user: 'usr_bob' })];
    const { heard, stop } = await listen(statuses);
    await revoke({ agent, provider: 'acme_key' });
    await waitFor(() => heard.length > 0);
    stop();
    expect(heard).toEqual([{ message: { kind: 'connections', org, agent, provider: 'acme_key' }, seen: ['revoked'] }]);
    for (const id of ids) {
      expect((await settled(id, 'confirmed')).revocation).toMatchObject({ attempts: 1, settledAt: expect.any(String) });
      expect(await held(id)).toBe(0);
    }
    await waitFor(async () => (await auth.connectionEvents(org)).filter(({ event }) => event === 'revoked').length === 2);
    const audited = (await auth.auditEvents(org)).filter(({ type }) => type === 'connection.revoked');
    expect(audited.map(({ connection }) => connection).sort()).toEqual(ids.sort());
  });

  it('of thousands takes batches: the first is broadcast at once, all are revoked within seconds, every one has an order', async () => {
    const count = 5_000;
    await auth.database.query(
      `INSERT INTO vault.connection (id, org_id, user_id, agent_id, provider, alias, status, authorized_by_kind, authorized_by_id)
       SELECT 'conn_' || lpad(to_hex(n), 32, '0'), $1, 'usr_' || n, $2, 'acme_key', 'default', 'active', 'admin', 'admin' FROM generate_series(1, $3) n`,
      [org, agent, count],
    );
    let firstMs = 0;
    const begun = performance.now();
    const subscription = auth.nc.subscribe('control.revoked', { callback: () => void (firstMs ||= performance.now() - begun) });
    await auth.nc.flush();
    expect(await revoke({ everything: true })).toEqual({ revoked: count, withdrawn: 0 });
    const totalMs = performance.now() - begun;
    subscription.unsubscribe();
    const { rows } = await auth.database.query<{ orders: number }>(
      'SELECT count(*)::int AS orders FROM vault.provider_revocation WHERE org_id = $1',
      [org],
    );
    expect([await statuses(), rows[0]?.orders]).toEqual([['revoked'], count]);
    // Nobody else’s has to wait for their turn.
    await auth.database.query(
      `UPDATE vault.provider_revocation SET state = 'given_up', settled_at = now() WHERE org_id = $1 AND state = 'pending'`,
      [org],
    );
    expect(firstMs).toBeLessThan(totalMs);
  }, 60_000);

  it.each([[{}], [{ user: 'usr_ada', everything: true }], [{ everything: false }], [{ organisation: 'x', everything: true }]])(
    'is never what %j means',
    async (filter) => {
      const id = await connected();
      const answer = await auth.ask('/v1/connections/revoke', { body: { organization: org, ...filter } });
      expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
      expect((await read(id)).status).toBe('active');
    },
  );
});

describe('disconnecting', () => {
  it('is broadcast when the status says so and not before', async () => {
    const id = await connected();
    const { heard, stop } = await listen(statuses);
    await auth.ask(at(id), { method: 'DELETE' });
    await waitFor(() => heard.length > 0);
    stop();
    expect(heard).toEqual([{ message: { kind: 'connection', org, connection: id }, seen: ['revoked'] }]);
  });

  it('does not wait for a provider that does not answer', async () => {
    const ids = [await connected(), await connected({ alias: 'two' })];
    const end = acme.down('/keys/current', 503);
    for (const id of ids) await auth.ask(at(id), { method: 'DELETE' });
    expect(await statuses()).toEqual(['revoked']);
    for (const id of ids) await tried(id, 1);
    end();
    for (const id of ids) await settled(id, 'confirmed');
  });
});

describe('revoking at the provider', () => {
  it('whose endpoint answers 503 for a while is tried again until there is a receipt, and only then is the credential deleted', async () => {
    await auth.ask('/v1/provider-apps', {
      body: { organization: org, provider: 'acme_service', clientId: 'c', clientSecret: 'shh' },
    });
    const id = await connected({ provider: 'acme_service', secret: undefined });
    const end = acme.down('/revoke', 503);
    const before = acme.askedFor('/revoke').length;
    await auth.ask(at(id), { method: 'DELETE' });
    for (const attempts of [1, 2]) {
      expect(await tried(id, attempts)).toMatchObject({ status: 'revoked', revocation: { state: 'pending', settledAt: null } });
      expect(await held(id)).toBe(1);
    }
    await waitFor(() => acme.askedFor('/revoke').length >= before + 2);
    end();
    expect((await settled(id, 'confirmed')).revocation?.attempts).toBeGreaterThan(2);
    expect(await held(id)).toBe(0);
    expect(acme.askedFor('/revoke').at(-1)?.body).toMatch(/token=acme-canary-key-\d+/);
  });

  it('happens as the manifest declares it, where that is not RFC 7009', async () => {
    const key = acme.newKey();
    const id = await connected({ secret: key });
    await auth.ask(at(id), { method: 'DELETE' });
    await settled(id, 'confirmed');
    expect(acme.valid.has(key)).toBe(false);
    expect(acme.askedFor('/keys/current').at(-1)).toMatchObject({ method: 'DELETE' });
    expect(await auth.auditEvent(org, 'connection.revoked_at_provider')).toMatchObject({ connection: id, reason: 'confirmed' });
  });

  it('is on record as not supported where there is no way to, and the credential is deleted', async () => {
    const id = await connected({ provider: 'acme_basic', secret: 'ada:pw', parameters: { site: 'a' } });
    await auth.ask(at(id), { method: 'DELETE' });
    expect((await settled(id, 'not_supported')).revocation?.attempts).toBe(1);
    expect(await held(id)).toBe(0);
  });

  it('whose declared success does not come is asked again', async () => {
    const id = await connected();
    const end = acme.down('/keys/current', 500);
    await auth.ask(at(id), { method: 'DELETE' });
    expect((await tried(id, 1)).revocation?.state).toBe('pending');
    end();
    await settled(id, 'confirmed');
  });
});
