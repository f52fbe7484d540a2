import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { QuotaStore } from '@keyward/limits';
import { describeQuotaStore } from '@keyward/limits/contract';
import { testPostgres } from '@keyward/testing';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { migratedDatabase, type MigratedDatabase } from '../test/database.js';
import { createDataSource } from './data-source.js';
import { createQuotaStore } from './quota-store.js';

let database: MigratedDatabase;
const opened: DataSource[] = [];

beforeAll(async () => {
  database = await migratedDatabase(await testPostgres());
});
afterAll(async () => {
  for (const dataSource of opened) await dataSource.destroy();
  await database.stop();
});

/** As a process of its own has it, with the rights of an executor. */
async function replica(): Promise<QuotaStore> {
  const url = await database.urlOf('executor');
  const dataSource = await createDataSource({ url, applicationName: 'replica', poolSize: 4 }).initialize();
  opened.push(dataSource);
  return createQuotaStore(dataSource);
}

describeQuotaStore('PostgreSQL', async () => ({
  stores: [await replica(), await replica(), await replica()],
  stop: async () => undefined,
}));

describe('the table of quotas', () => {
  const terms = { limit: 10, windowMs: 60_000 };
  const all = { least: 10, most: 10, lifeMs: 20 };
  let store: QuotaStore;
  let admin: pg.Client;

  beforeAll(async () => {
    store = await replica();
    admin = await database.connect(database.url);
  });

  it('forgets what nobody has used for hours when a new quota begins, and nothing else', async () => {
    await store.lease('used', terms, all);
    await admin.query(`INSERT INTO execution.quota (key, forget_at) SELECT 'old ' || i, i FROM generate_series(1, 150) i`);
    await store.lease('new', terms, all);
    const left = async () => (await admin.query(`SELECT key FROM execution.quota WHERE key LIKE 'old %'`)).rowCount;
    expect(await left()).toBe(50);
    await store.learn('newer', { remaining: 1, resetMs: 1_000 });
    await store.lease('newest', terms, all);
    expect(await left()).toBe(0);
    expect(await store.lease('used', terms, all)).toMatchObject({ granted: 0 });
  });

  it('holds nobody up for longer than it ever could after its clock was set back', async () => {
    await store.lease('ahead', terms, all);
    await store.learn('ahead', { remaining: 0, resetMs: 1_000 });
    const day = 86_400_000;
    await admin.query(
      `UPDATE execution.quota SET free_at = ARRAY[free_at[1] + 30 * ${day}::bigint], known_until = known_until + 30 * ${day}::bigint WHERE key = 'ahead'`,
    );
    const { waitMs } = await store.lease('ahead', terms, all);
    expect(waitMs).toBeLessThanOrEqual(2 * terms.windowMs + 1_000);
  });
});
