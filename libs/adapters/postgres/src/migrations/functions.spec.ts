import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { testPostgres } from '@keyward/testing';
import type pg from 'pg';
import { migratedDatabase, type MigratedDatabase } from '../../test/database.js';
import { seedOrganization, type SeededOrganization } from '../../test/seed.js';

describe('cross-organization functions', () => {
  let database: MigratedDatabase;
  let admin: pg.Client;
  let executor: pg.Client;
  let ours: SeededOrganization;
  let theirs: SeededOrganization;

  beforeAll(async () => {
    database = await migratedDatabase(await testPostgres());
    admin = await database.connect(database.url);
    executor = await database.connect(await database.urlOf('executor'));
    ours = await seedOrganization(admin);
    theirs = await seedOrganization(admin);
  });
  afterAll(() => database.stop());

  async function open(question: Partial<Record<'org' | 'agent' | 'user' | 'provider' | 'alias' | 'connection', string>> = {}) {
    const {
      org = ours.org,
      agent = ours.agent,
      user = 'ada',
      provider = 'sandbox',
      alias = 'default',
      connection = null,
    } = question;
    const { rows } = await executor.query('SELECT * FROM vault.open_for_call($1, $2, $3, $4, $5, $6, $7)', [
      org,
      agent,
      user,
      'sandbox',
      provider,
      alias,
      connection,
    ]);
    expect(rows).toHaveLength(1);
    return rows[0] as Record<string, unknown>;
  }

  it('open_for_call answers assignment, connection and access token in one row, and never a refresh token', async () => {
    expect(await open()).toEqual({
      permission: 'write',
      tools: null,
      connection_id: ours.connection,
      alias: 'default',
      status: 'active',
      status_reason: null,
      scopes: ['notes:read'],
      generation: 1,
      sealed_access: ours.sha256,
      access_expires_in_ms: null,
      refreshable: true,
      kind: 'agent',
      parameters: {},
      client_id: 'client',
      app_parameters: {},
      client_certificate: null,
    });
  });

  it.each<[string, () => Parameters<typeof open>[0]]>([
    ['of another user', () => ({ user: 'grace' })],
    ['of another provider', () => ({ provider: 'github' })],
    ['under another alias', () => ({ alias: 'second' })],
    ['that belongs to another organization', () => ({ connection: theirs.connection })],
    ['that does not exist', () => ({ connection: newId('conn') })],
  ])('open_for_call finds no connection %s, but still says what the agent may do', async (_what, question) => {
    expect(await open(question())).toMatchObject({ permission: 'write', connection_id: null, sealed_access: null });
  });

  it.each<[string, () => Parameters<typeof open>[0]]>([
    ["another organization's agent", () => ({ agent: theirs.agent })],
    ['our agent in another organization', () => ({ org: theirs.org })],
  ])('open_for_call gives %s nothing', async (_what, question) => {
    expect(await open(question())).toMatchObject({ permission: null, connection_id: null, sealed_access: null });
  });

  it('open_for_call finds the connection by id under any alias', async () => {
    expect(await open({ alias: 'second', connection: ours.connection })).toMatchObject({ connection_id: ours.connection });
  });

  it('open_for_call hands out no token of a connection that is not active, and tells of a revoked one only who names it', async () => {
    await admin.query(`UPDATE vault.connection SET status = 'needs_reauthorization', status_reason = 'why' WHERE id = $1`, [
      ours.connection,
    ]);
    expect(await open()).toMatchObject({
      status: 'needs_reauthorization',
      status_reason: 'why',
      generation: 1,
      sealed_access: null,
    });
    await admin.query(`UPDATE vault.connection SET status = 'revoked' WHERE id = $1`, [ours.connection]);
    expect(await open()).toMatchObject({ connection_id: null, sealed_access: null });
    expect(await open({ connection: ours.connection })).toMatchObject({ status: 'revoked', sealed_access: null });
    await admin.query(`UPDATE vault.connection SET status = 'active', status_reason = NULL WHERE id = $1`, [ours.connection]);
  });

  it('find_agent_key finds the organization and agent of any key', async () => {
    const gateway = await database.connect(await database.urlOf('gateway'));
    const { rows } = await gateway.query('SELECT * FROM identity.find_agent_key($1)', [theirs.agentKey]);
    expect(rows).toEqual([
      { org_id: theirs.org, agent_id: theirs.agent, secret_sha256: theirs.sha256, revoked_at: null, expires_at: null },
    ]);
    expect((await gateway.query('SELECT * FROM identity.find_agent_key($1)', [newId('key')])).rows).toEqual([]);
  });

  it('find_data_key needs the organization as well as the id', async () => {
    const find = 'SELECT id, wrapped, state FROM vault.find_data_key($1, $2)';
    expect((await executor.query(find, [ours.org, ours.dataKey])).rows).toEqual([
      { id: ours.dataKey, wrapped: ours.sha256, state: 'active' },
    ]);
    expect((await executor.query(find, [theirs.org, ours.dataKey])).rows).toEqual([]);
  });

  it('find_session_org and find_transaction_org answer the organization of a hash, null for an unknown one', async () => {
    const auth = await database.connect(await database.urlOf('auth'));
    const find = 'SELECT connect.find_session_org($1) AS session, connect.find_transaction_org($1) AS transaction';
    expect((await auth.query(find, [theirs.sha256])).rows).toEqual([{ session: theirs.org, transaction: theirs.org }]);
    expect((await auth.query(find, [Buffer.alloc(32)])).rows).toEqual([{ session: null, transaction: null }]);
  });

  it('claim_due leases due credentials of every organization, each to one claimer', async () => {
    const refreshers = [
      await database.connect(await database.urlOf('refresher')),
      await database.connect(await database.urlOf('refresher')),
    ];
    const claims = await Promise.all(
      refreshers.map((client, index) =>
        client.query(`SELECT * FROM vault.claim_due($1, 60000, 10, '{}', '{}')`, [`owner-${index}`]),
      ),
    );
    const claimed = claims.flatMap((claim) => claim.rows as { connection_id: string }[]).map((row) => row.connection_id);
    expect(claimed.sort()).toEqual([ours.connection, theirs.connection].sort());
    const { rows } = await admin.query(
      'SELECT lease_generation, lease_until > now() AS held, lease_owner IS NOT NULL AS owned FROM vault.credential',
    );
    expect(rows).toEqual([
      { lease_generation: 1, held: true, owned: true },
      { lease_generation: 1, held: true, owned: true },
    ]);
  });

  it('claim_due leaves alone what is not due, not active or cannot be refreshed', async () => {
    const refresher = await database.connect(await database.urlOf('refresher'));
    const claim = async () => (await refresher.query(`SELECT * FROM vault.claim_due('x', 1, 10, '{}', '{}')`)).rows;
    await admin.query('UPDATE vault.credential SET lease_until = NULL, refresh_at = now() + interval $$1 hour$$');
    expect(await claim()).toEqual([]);
    await admin.query('UPDATE vault.credential SET refresh_at = now(), renewable = false WHERE org_id = $1', [ours.org]);
    await admin.query(`UPDATE vault.connection SET status = 'revoked' WHERE org_id = $1`, [theirs.org]);
    await admin.query('UPDATE vault.credential SET refresh_at = now() WHERE org_id = $1', [theirs.org]);
    expect(await claim()).toEqual([]);
  });

  it('count_expiring counts what ends or has just ended although it is in use, not what sleeps or ended long ago', async () => {
    const refresher = await database.connect(await database.urlOf('refresher'));
    const count = async () => (await refresher.query('SELECT vault.count_expiring(15000)::int AS expiring')).rows;
    const set = (change: string) => admin.query(`UPDATE vault.credential SET ${change} WHERE org_id = $1`, [ours.org]);
    await admin.query(`UPDATE vault.connection SET status = 'active'`);
    await admin.query(
      `UPDATE vault.credential SET renewable = true, failures = 0, access_expires_at = now() + interval '1 hour'`,
    );
    expect(await count()).toEqual([{ expiring: 0 }]);
    for (const ends of ['10 seconds', '-10 seconds']) {
      await set(`access_expires_at = now() + interval '${ends}', refresh_at = now() - interval '1 minute'`);
      expect(await count()).toEqual([{ expiring: 1 }]);
    }
    await set(`refresh_at = NULL`);
    expect(await count()).toEqual([{ expiring: 0 }]);
    await set(`refresh_at = now() + interval '30 days'`);
    expect(await count()).toEqual([{ expiring: 0 }]);
    await set(`failures = 3`);
    expect(await count()).toEqual([{ expiring: 1 }]);
    await set(`access_expires_at = now() - interval '2 hours'`);
    expect(await count()).toEqual([{ expiring: 0 }]);
  });

  it('ensure_partition is repeatable, safe for two at once, and covers exactly one UTC day', async () => {
    const audit = [await database.connect(await database.urlOf('audit')), await database.connect(await database.urlOf('audit'))];
    await audit[1]?.query(`SET timezone = 'Asia/Kolkata'`);
    await Promise.all(audit.map((client) => client.query(`SELECT audit.ensure_partition('2026-05-06')`)));
    const { rows } = await admin
      .query<{ bound: string }>(
        `SET timezone = 'UTC'; SELECT pg_get_expr(relpartbound, oid) AS bound FROM pg_class WHERE relname = 'event_20260506'`,
      )
      .then((results) => (results as unknown as pg.QueryResult<{ bound: string }>[])[1] ?? { rows: [] });
    expect(rows).toEqual([{ bound: `FOR VALUES FROM ('2026-05-06 00:00:00+00') TO ('2026-05-07 00:00:00+00')` }]);
  });

  it('not even the superuser changes, deletes or truncates what the trail holds', async () => {
    for (const statement of [`UPDATE audit.event SET type = 'x'`, 'DELETE FROM audit.event_20260102', 'TRUNCATE audit.event']) {
      await expect(admin.query(statement)).rejects.toThrow('audit events are never changed or deleted');
    }
  });
});
