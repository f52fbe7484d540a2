import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId, type ConnectionStatus } from '@keyward/contracts';
import type { DataSource } from 'typeorm';
import { VaultDatabase, type SeededConnection } from '../test/vault-database.js';
import { createConnectionUseStore } from './index.js';

interface State {
  /** Seconds since the last use that is recorded. */
  unused: number;
  /** Seconds until then; null: never. */
  refresh: number | null;
  awake: number | null;
}

let database: VaultDatabase;
let executor: DataSource;
let org: string;
let seeded: SeededConnection;

beforeAll(async () => {
  database = await VaultDatabase.start();
  executor = await database.as('executor');
  org = await database.newOrganization();
});
afterAll(() => database.stop());
beforeEach(async () => {
  seeded = await withCredential(await database.newConnection(org));
});

/** Asleep: unused for a week, to be refreshed in ten minutes while in use. */
async function withCredential(connection: SeededConnection): Promise<SeededConnection> {
  await database.admin.query(
    `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, generation, renewable, last_used_at, awake_refresh_at)
     VALUES ($1, $2, 'sandbox', '\\x00', 1, true, now() - interval '7 days', now() + interval '10 minutes')`,
    [connection.connection, connection.org],
  );
  return connection;
}

async function set(columns: string, connection = seeded.connection): Promise<void> {
  await database.admin.query(`UPDATE vault.credential SET ${columns} WHERE connection_id = $1`, [connection]);
}

async function stateOf({ connection }: SeededConnection = seeded): Promise<State> {
  const { rows } = await database.admin.query<State>(
    `SELECT round(extract(epoch FROM now() - last_used_at))::int AS unused,
       round(extract(epoch FROM refresh_at - now()))::int AS refresh, round(extract(epoch FROM awake_refresh_at - now()))::int AS awake
     FROM vault.credential WHERE connection_id = $1`,
    [connection],
  );
  return rows[0] as State;
}

const record = (...used: Pick<SeededConnection, 'org' | 'connection'>[]) => createConnectionUseStore(executor).record(used);

describe('recording uses', () => {
  it('says when, and wakes what sleeps: with nothing planned, or to be kept alive later', async () => {
    for (const planned of ['NULL', "now() + interval '40 days'"]) {
      await set(`refresh_at = ${planned}`);
      expect(await record(seeded)).toBe(1);
      const { unused, refresh, awake } = await stateOf();
      expect([unused < 10, awake !== null, refresh]).toEqual([true, true, awake]);
    }
  });

  it('is no news twice within half a minute, nor where the refresh is sooner', async () => {
    await set("refresh_at = now() + interval '5 minutes', last_used_at = now() - interval '31 seconds'");
    expect(await record(seeded)).toBe(1);
    expect(await record(seeded)).toBe(0);
    expect((await stateOf()).refresh).toBeLessThan(301);
  });

  it.each<[string, string, ConnectionStatus]>([
    ['waits after a failure', 'failures = 1', 'active'],
    ['waits for what came of a request', 'sent_at = now()', 'active'],
    ['can not be renewed', 'renewable = false', 'active'],
    ['waits for a person', 'failures = 0', 'needs_reauthorization'],
    ['was disconnected', 'failures = 0', 'revoked'],
    ['is not refreshed by the clock at all', 'awake_refresh_at = NULL', 'active'],
  ])('does not wake what %s', async (_what, columns, status) => {
    await set(columns);
    await database.admin.query('UPDATE vault.connection SET status = $2 WHERE id = $1', [seeded.connection, status]);
    await record(seeded);
    expect((await stateOf()).refresh).toBeNull();
  });

  it('does not put forward what is to be tried in a while, as its provider asked', async () => {
    await set("refresh_at = now() + interval '10 minutes', awake_refresh_at = now() - interval '1 minute'");
    await record(seeded);
    expect((await stateOf()).refresh).toBeGreaterThan(500);
  });

  it('does not wake what waits for its registration to be accepted again', async () => {
    await set("refresh_at = now() + interval '20 minutes'");
    await database.admin.query(
      `UPDATE vault.provider_app SET rejected_at = now(), rejected_retry_at = now() + interval '20 minutes', rejections = 1 WHERE id = $1`,
      [seeded.app],
    );
    await record(seeded);
    expect((await stateOf()).refresh).toBeGreaterThan(1100);
  });

  it('touches no connection of another organization, and none that does not exist', async () => {
    const foreign = await withCredential(await database.newConnection(await database.newOrganization()));
    expect(await record({ org, connection: foreign.connection }, { org, connection: newId('conn') }, seeded)).toBe(1);
    expect((await stateOf(foreign)).unused).toBeGreaterThan(600_000);
  });

  it('of executors that use the same connections at once go one after the other, in whatever order they name them', async () => {
    const many = [seeded];
    for (let index = 0; index < 60; index++) many.push(await withCredential(await database.newConnection(org)));
    const rounds = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? many : many.toReversed()));
    const recorded = await Promise.all(rounds.map((used) => record(...used)));
    expect(recorded.reduce((sum, count) => sum + count)).toBe(many.length);
  });
});
