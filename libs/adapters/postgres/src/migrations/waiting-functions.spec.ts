import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { testPostgres } from '@keyward/testing';
import type pg from 'pg';
import { migratedDatabase, type MigratedDatabase } from '../../test/database.js';
import { seedOrganization, type SeededOrganization } from '../../test/seed.js';

let database: MigratedDatabase;
let admin: pg.Client;
let executor: pg.Client;
let auth: pg.Client;
let ours: SeededOrganization;

beforeAll(async () => {
  database = await migratedDatabase(await testPostgres());
  admin = await database.connect(database.url);
  executor = await database.connect(await database.urlOf('executor'));
  auth = await database.connect(await database.urlOf('auth'));
  ours = await seedOrganization(admin);
});
beforeEach(async () => {
  await admin.query('DELETE FROM execution.waiting; DELETE FROM execution.cancellation; DELETE FROM execution.execution');
});
afterAll(() => database.stop());

/** More than any test has. */
const MOST = 100;

interface Change {
  connection?: string | null;
  reason?: string;
  user?: string;
  provider?: string;
}

/** From an hour ago, until tomorrow. */
async function waits({ connection = null, reason = 'connection_required', user = 'ada', provider = 'elsewhere' }: Change = {}) {
  const id = newId('exe');
  const columns =
    'id, org_id, agent_id, user_id, tool, provider, connection_id, reason, connect_url, request, trace_id, asked_at, looked_at, expires_at';
  await admin.query(
    `INSERT INTO execution.waiting (${columns}) VALUES ($1, $2, $3, $4, 'a_tool', $5, $6, $7, 'https://c.example', '{}', '',
       now() - interval '1 hour', now() - interval '1 hour', now() + interval '1 day')`,
    [id, ours.org, ours.agent, user, provider, connection, reason],
  );
  return id;
}

const set = (id: string, change: string) => admin.query(`UPDATE execution.waiting SET ${change} WHERE id = $1`, [id]);
const stateOf = async (id: string) =>
  (await admin.query<{ state: string }>('SELECT state FROM execution.waiting WHERE id = $1', [id])).rows[0]?.state;
const sweep = async () =>
  (
    await executor.query<{ id: string; state: string; epoch: number }>(
      'SELECT id, state, epoch FROM execution.sweep_waiting(100)',
    )
  ).rows;

describe('wake_waiting', () => {
  const wake = async (sign: { event: string; user?: string | null; connection?: string; provider?: string }) => {
    const { event, user = 'ada', connection = 'conn_x', provider = 'elsewhere' } = sign;
    const agent = user === null ? null : ours.agent;
    const values = [[ours.org], [provider], [agent], [user], [connection], [event], MOST, 0];
    const woken = 'SELECT id FROM execution.wake_waiting($1, $2, $3, $4, $5, $6, $7, $8)';
    return (await executor.query<{ id: string }>(woken, values)).rows;
  };

  it.each([
    ['connection_required', 'authorized', true],
    ['missing_scopes', 'scopes_changed', true],
    ['needs_reauthorization', 'refreshed', true],
    ['missing_scopes', 'refreshed', false],
    ['connection_required', 'needs_reauthorization', false],
    ['connection_required', 'revoked', false],
  ])('%s by %s: %s', async (reason, event, helps) => {
    const id = await waits({ reason });
    expect(await wake({ event })).toEqual(helps ? [{ id }] : []);
    expect(await stateOf(id)).toBe(helps ? 'resuming' : 'waiting');
  });

  it('once, and nobody else’s: another user’s, another provider’s', async () => {
    const mine = await waits();
    await waits({ user: 'grace' });
    await waits({ provider: 'third' });
    expect(await wake({ event: 'authorized' })).toEqual([{ id: mine }]);
    expect(await wake({ event: 'authorized' })).toEqual([]);
  });

  it('everybody’s by a connection of the workspace; those that name another connection by none but it', async () => {
    const ids = [await waits(), await waits({ user: 'grace' })];
    const named = await waits({ connection: 'conn_named' });
    expect((await wake({ event: 'authorized', user: null })).map(({ id }) => id).sort()).toEqual(ids.sort());
    expect(await wake({ event: 'revoked', connection: 'conn_named' })).toEqual([{ id: named }]);
  });
});

describe('sweep_waiting', () => {
  it('ends what has waited long enough, without its arguments, and gives it to one', async () => {
    const id = await waits();
    await set(id, `expires_at = now()`);
    expect(await sweep()).toMatchObject([{ id, state: 'expired' }]);
    expect(await sweep()).toEqual([]);
    expect((await admin.query('SELECT request, connect_url FROM execution.waiting')).rows).toEqual([
      { request: null, connect_url: null },
    ]);
  });

  it('ends what was cancelled in the moment in which it began to wait', async () => {
    const id = await waits();
    await admin.query('INSERT INTO execution.cancellation VALUES ($1, $2, $3)', [ours.org, ours.agent, id]);
    expect(await sweep()).toMatchObject([{ id, state: 'cancelled' }]);
    expect((await admin.query('SELECT request FROM execution.waiting')).rows).toEqual([{ request: null }]);
  });

  it.each(['resuming', 'cancelled'])(
    'gives what is left behind as %s to somebody after ten seconds, each time',
    async (state) => {
      const id = await waits();
      await set(id, state === 'resuming' ? `state = 'resuming'` : `state = 'cancelled', request = NULL, ended_at = now()`);
      expect(await sweep()).toEqual([]);
      for (let time = 0; time < 2; time++) {
        await set(id, `updated_at = now() - interval '11 seconds'`);
        expect(await sweep()).toMatchObject([{ id, state }]);
      }
      await set(id, `updated_at = now() - interval '11 seconds', told_at = now()`);
      if (state === 'cancelled') expect(await sweep()).toEqual([]);
    },
  );

  it('finds the connection whose event was missed, and looks less often where that was in vain', async () => {
    const { rows } = await admin.query<{ user_id: string; provider: string }>(
      `UPDATE vault.connection SET status = 'active' WHERE org_id = $1 AND agent_id IS NOT NULL RETURNING user_id, provider`,
      [ours.org],
    );
    const { user_id: user, provider } = rows[0] ?? { user_id: '', provider: '' };
    const id = await waits({ user, provider });
    const others = [await waits({ user: 'stranger', provider }), await waits({ user, provider: 'elsewhere' })];
    expect(await sweep()).toMatchObject([{ id, state: 'resuming', epoch: 2 }]);
    await set(id, `state = 'waiting', epoch = 9, looked_at = now() - interval '10 minutes'`);
    expect(await sweep()).toEqual([]);
    await set(id, `looked_at = now() - interval '20 minutes'`);
    expect(await sweep()).toMatchObject([{ id, epoch: 10 }]);
    for (const other of others) expect(await stateOf(other)).toBe('waiting');
  });
});

describe('purge', () => {
  const call = async (age: string, state = 'succeeded', id = newId('exe')) => {
    await admin.query(
      `INSERT INTO execution.execution (id, org_id, agent_id, user_id, tool, request_hash, state, idempotency_key, created_at, updated_at)
       VALUES ($1, $2, $3, 'ada', 'a_tool', '', $4, $1, now() - $5::interval, now() - $5::interval)`,
      [id, ours.org, ours.agent, state, age],
    );
    return id;
  };

  it('frees keys after a day and removes records after forty; what waits keeps its key', async () => {
    const [young, old, waiting] = [
      await call('23 hours'),
      await call('25 hours'),
      await call('25 hours', 'waiting_for_authorization', await waits()),
    ];
    await call('41 days');
    await executor.query('SELECT execution.purge(100)');
    const { rows } = await admin.query<{ id: string; key: string | null }>(
      'SELECT id, idempotency_key AS key FROM execution.execution',
    );
    expect(Object.fromEntries(rows.map(({ id, key }) => [id, key]))).toEqual({ [young]: young, [old]: null, [waiting]: waiting });
  });

  it('removes what has ended and was told, and old cancellations, so many at a time', async () => {
    const ids = [await waits(), await waits(), await waits(), await waits()];
    for (const id of ids.slice(0, 3))
      await set(id, `state = 'expired', request = NULL, ended_at = now(), told_at = now() - interval '2 hours'`);
    await admin.query(`INSERT INTO execution.cancellation VALUES ($1, 'agt_x', 'exe_x', now() - interval '2 hours')`, [ours.org]);
    const purged = async () =>
      (await executor.query<{ purged: number }>('SELECT execution.purge(2)::int AS purged')).rows[0]?.purged;
    expect([await purged(), await purged(), await purged()]).toEqual([2, 1, 0]);
    const { rows } = await admin.query('SELECT id FROM execution.waiting');
    expect(rows).toEqual([{ id: ids[3] }]);
  });
});

it('erase_user ends what waits for the person, and leaves nothing that says who or what', async () => {
  const [gone, other] = [await waits({ user: 'usr_gone' }), await waits()];
  await auth.query(`SELECT execution.erase_user($1, 'usr_gone', 'erased-1')`, [ours.org]);
  const { rows } = await admin.query('SELECT user_id, state, request, connect_url FROM execution.waiting WHERE id = $1', [gone]);
  expect(rows).toEqual([{ user_id: 'erased-1', state: 'cancelled', request: null, connect_url: null }]);
  expect(await stateOf(other)).toBe('waiting');
});
