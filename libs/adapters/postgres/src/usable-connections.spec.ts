import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { testPostgres } from '@keyward/testing';
import type pg from 'pg';
import { migratedDatabase, type MigratedDatabase } from '../test/database.js';
import { seedOrganization } from '../test/seed.js';
import { createDataSource } from './data-source.js';
import { findUsableConnections } from './usable-connections.js';
import { withOrg } from './with-org.js';

/** Of other agents, in the same organization. */
const OTHERS = 20_000;

let database: MigratedDatabase;
let admin: pg.Client;
beforeAll(async () => {
  database = await migratedDatabase(await testPostgres());
  admin = await database.connect(database.url);
});
afterAll(() => database.stop());

describe('what an agent may use', () => {
  it('is found without a look at what others use, however many those are', async () => {
    const { org, agent, connection } = await seedOrganization(admin);
    const colleague = newId('agt');
    await admin.query('INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, $1, $1)', [colleague, org]);
    await admin.query(
      `INSERT INTO vault.connection (id, org_id, kind, user_id, agent_id, provider, alias, status)
       SELECT 'conn_' || lpad(to_hex(n), 32, '0'), $1, CASE n % 2 WHEN 0 THEN 'agent' ELSE 'workspace' END,
         CASE n % 2 WHEN 0 THEN 'usr_' || n END, CASE n % 2 WHEN 0 THEN $2 END, 'sandbox', 'a' || n, 'active' FROM generate_series(1, $3) n`,
      [org, colleague, OTHERS],
    );
    await admin.query(
      `INSERT INTO vault.connection_grantee (connection_id, org_id, agent_id) SELECT id, $1, $2 FROM vault.connection WHERE kind = 'workspace'`,
      [org, colleague],
    );
    await admin.query('ANALYZE vault.connection, vault.connection_grantee');
    const dataSource = await createDataSource({
      url: await database.urlOf('gateway'),
      applicationName: 'usable-connections.spec',
      poolSize: 1,
    }).initialize();
    try {
      const { ids, rows } = await withOrg(dataSource, org, async (em) => {
        const readRows = `SELECT sum(seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_xact_user_tables WHERE schemaname = 'vault'`;
        const found = await findUsableConnections(em, { org, agent, limit: 51 });
        const [touched] = (await em.query(readRows)) as { rows: number }[];
        return { ids: found.map(({ id }) => id), rows: touched?.rows };
      });
      expect(ids).toEqual([connection]);
      expect(rows).toBeLessThan(100);
    } finally {
      await dataSource.destroy();
    }
  });
});
