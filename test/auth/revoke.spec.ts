import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId, type Connection, type ControlRevoked, type RevokedConnections } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { Acme } from './acme.js';
import { AuthHarness } from './harness.js';

let acme: Acme;
let auth: AuthHarness;
let org: string;
let agent: string;
beforeAll(async () => {
  acme = await Acme.start();
  auth = await AuthHarness.start({ env: acme.env });
});
afterAll(async () => {
  await auth.stop();
  await acme.stop();
});
beforeEach(async () => {
  ({ org, agent } = await auth.team());
});

const at = (id: string) => `/v1/connections/${id}?organization=${org}`;
const connected = async (body: object = {}) => {
  const request = { organization: org, agent, user: 'usr_ada', provider: 'acme_key', secret: acme.newKey(), ...body };
  const answer = await auth.ask<Connection>('/v1/connections', { body: request });
  expect(answer.status).toBe(201);
  return answer.body.id;
};
const revoke = async (filter: object) =>
  (await auth.ask<RevokedConnections>('/v1/connections/revoke', { body: { organization: org, ...filter } })).body;
const read = async (id: string) => (await auth.ask<Connection>(at(id))).body;
const settled = (id: string, state: string) =>
  waitFor(async () => {
    await auth.database.query(
      `UPDATE vault.provider_revocation SET next_attempt_at = now() WHERE connection_id = $1 AND next_attempt_at < now() + interval '30 s'`,
      [id],
    );
    const connection = await read(id);
    return connection.revocation?.state === state ? connection : undefined;
  });
/** The order has been tried so often; the wait for the next attempt is cut short. */
const tried = (id: string, attempts: number) =>
  waitFor(async () => {
    await auth.database.query(
      `UPDATE vault.provider_revocation SET next_attempt_at = least(next_attempt_at, now())
       WHERE connection_id = $1 AND attempts < $2`,
      [id, attempts],
    );
    const connection = await read(id);
    return (connection.revocation?.attempts ?? 0) >= attempts ? connection : undefined;
  });
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

describe('erasing a user', () => {
  const erase = (user: string) =>
    auth.ask<{ connections: number; sessions: number }>(`/v1/users/${user}?organization=${org}`, { method: 'DELETE' });
  const rowsThatName = async (text: string) => {
    const found: string[] = [];
    for (const table of [
      'vault.connection',
      'vault.connection_authorization',
      'connect.connect_session',
      'connect.authorization_transaction',
      'vault.provider_revocation',
      'execution.execution',
    ]) {
      const { rows } = await auth.database.query<{ hits: number }>(
        `SELECT count(*)::int AS hits FROM ${table} t WHERE t.org_id = $1 AND strpos(t::text, $2) > 0`,
        [org, text],
      );
      if (rows[0]?.hits !== 0) found.push(table);
    }
    return found;
  };

  it('revokes everything of theirs, also at the provider, ends their links, and leaves no row that names them', async () => {
    const user = 'ada@person.example';
    await auth.ask('/v1/provider-apps', {
      body: { organization: org, provider: 'acme_service', clientId: 'c', clientSecret: 'shh' },
    });
    const link = await auth.ask<{ id: string; url: string }>('/v1/connect-sessions', {
      body: { organization: org, agent, user, provider: 'acme_service' },
    });
    expect(link.status).toBe(201);
    const basic = { user, provider: 'acme_basic', secret: 'ada:pw', parameters: { site: 'ada-site' } };
    const [key, other, site] = [await connected({ user }), await connected({ user: 'usr_bob' }), await connected(basic)];
    // As where the person has authorized it at a browser.
    await auth.database.query(
      `UPDATE vault.connection_authorization SET authorized_by_kind = 'user', authorized_by_id = $2 WHERE connection_id = $1`,
      [key, user],
    );
    await auth.database.query(
      `INSERT INTO execution.execution (id, org_id, agent_id, user_id, tool, request_hash, state, result)
       VALUES ('exe_of_ada', $1, $2, $3, 'acme_do', '', 'succeeded', to_jsonb('{"output":"of ada@person.example"}'::text))`,
      [org, agent, user],
    );
    expect(await rowsThatName(user)).toEqual([
      'vault.connection',
      'vault.connection_authorization',
      'connect.connect_session',
      'execution.execution',
    ]);
    const end = acme.down('/keys/current', 503);

    const { status, body } = await erase(encodeURIComponent(user));
    expect({ status, body }).toEqual({ status: 200, body: { user, connections: 2, sessions: 1, erasedAt: expect.any(String) } });
    expect(await rowsThatName(user)).toEqual([]);
    const left = await read(key);
    expect(left).toMatchObject({ status: 'revoked', statusReason: 'erased', account: { id: null, name: null } });
    expect(left.user).toMatch(/^erased-[0-9a-f]{32}$/);
    expect((await read(other)).status).toBe('active');
    expect(await auth.sessionRow(link.body.id)).toMatchObject({ state: 'cancelled', failure: 'erased' });

    await tried(key, 1);
    end();
    await settled(key, 'confirmed');
    await settled(site, 'not_supported');
    expect(await rowsThatName('ada-site')).toEqual([]);
    // Append-only, and says so: docs/erasure.md.
    const erased = await auth.auditEvent(org, 'user.erased');
    expect(erased).toMatchObject({ user, reason: '2 connections, 1 links', actor: { kind: 'admin' } });
    expect((await erase(encodeURIComponent(user))).body).toMatchObject({ connections: 0, sessions: 0 });
  });

  it('takes nothing from a user of the same name in another organization', async () => {
    const elsewhere = await auth.team();
    const theirs = await connected({ organization: elsewhere.org, agent: elsewhere.agent });
    await connected();
    expect((await erase('usr_ada')).body).toMatchObject({ connections: 1 });
    const { body } = await auth.ask<Connection>(`/v1/connections/${theirs}?organization=${elsewhere.org}`);
    expect(body).toMatchObject({ status: 'active', user: 'usr_ada' });
  });

  it.each([['%2e%2e%2fx'], ['a%20b'], ['%00'], ['x'.repeat(129)]])('called %s is refused', async (user) => {
    expect((await erase(user)).status).toBe(400);
  });

  it('of an organization that is not there is answered like that', async () => {
    for (const absent of [newId('org'), org.toUpperCase(), 'org_x']) {
      const answer = await auth.ask(`/v1/users/usr_ada?organization=${absent}`, { method: 'DELETE' });
      expect(answer.body).toMatchObject({ status: 404, code: 'not_found' });
    }
  });
});
