import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { fillFleet } from '../test/fleet.js';
import { VaultDatabase } from '../test/vault-database.js';

const PROVIDERS = 60;
/** How often a table that grows with the fleet was read from end to end. */
const READS = `SELECT sum(seq_scan)::int AS scans FROM pg_stat_xact_user_tables
  WHERE relname IN ('credential', 'connection', 'provider_app', 'connection_authorization')`;

interface Cost {
  claimed: number;
  /** Pages, of tables and indexes. */
  pages: number;
  scans: number;
}

describe('a claim in a fleet of 20,000 connections', () => {
  let database: VaultDatabase;
  let client: pg.PoolClient;

  beforeAll(async () => {
    database = await VaultDatabase.start();
    await fillFleet(database.admin, { connections: 20_000, organizations: 500, providers: PROVIDERS });
    client = await database.admin.connect();
  });
  afterAll(async () => {
    client.release();
    await database.stop();
  });

  async function due(where: string): Promise<void> {
    await client.query('UPDATE vault.credential SET lease_until = NULL');
    await client.query(`UPDATE vault.credential SET refresh_at = now() - interval '1 minute' WHERE ${where}`);
    await client.query('VACUUM ANALYZE vault.credential');
  }

  /** What it reads, once the plans of the session are made; nothing that it leases stays leased. */
  async function claim(limit: number): Promise<Cost> {
    const cost = { claimed: 0, pages: 0, scans: 0 };
    for (let twice = 0; twice < 2; twice++) {
      await client.query('BEGIN');
      const before = await client.query<{ scans: number }>(READS);
      const { rows } = await client.query(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT connection_id FROM vault.claim_due('o', 60000, ${limit}, '{}', '{}')`,
      );
      const after = await client.query<{ scans: number }>(READS);
      await client.query('ROLLBACK');
      const { Plan: plan } = rows[0]['QUERY PLAN'][0];
      cost.claimed = plan['Actual Rows'];
      cost.pages = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
      cost.scans = (after.rows[0]?.scans ?? 0) - (before.rows[0]?.scans ?? 0);
    }
    return cost;
  }

  it('with nothing due goes from provider to provider, a few pages each', async () => {
    await due('false');
    const cost = await claim(64);
    expect(cost).toMatchObject({ claimed: 0, scans: 0 });
    expect(cost.pages).toBeLessThan(PROVIDERS * 8);
  });

  it('with half of the fleet due reads what it takes and a window of each provider', async () => {
    await due(`connection_id < 'conn_15'`);
    const cost = await claim(64);
    expect(cost).toMatchObject({ claimed: 64, scans: 0 });
    expect(cost.pages).toBeLessThan(PROVIDERS * 30 + 64 * 40);
  });

  it('of one provider with thousands due reads no more than it takes', async () => {
    await due('false');
    await client.query(`UPDATE vault.credential SET provider = 'provider-1', refresh_at = now() - interval '1 minute'`);
    await client.query('VACUUM ANALYZE vault.credential');
    const cost = await claim(64);
    expect(cost).toMatchObject({ claimed: 64, scans: 0 });
    expect(cost.pages).toBeLessThan(64 * 60);
  });
});
