import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { testPostgres } from '@keyward/testing';
import type pg from 'pg';
import { migratedDatabase, SERVICES, type MigratedDatabase } from '../../test/database.js';
import { seedOrganization } from '../../test/seed.js';

const TABLES = [
  'identity.agent',
  'identity.agent_key',
  'identity.member',
  'identity.trusted_issuer',
  'identity.workload_binding',
  'governance.assignment',
  'governance.agent_manifest',
  'governance.token_release',
  'governance.connector',
  'governance.connector_overlay',
  'governance.budget',
  'execution.budget_use',
  'vault.data_key',
  'vault.provider_app',
  'vault.connection',
  'vault.connection_grantee',
  'vault.connection_authorization',
  'vault.credential',
  'vault.provider_revocation',
  'connect.connect_session',
  'connect.authorization_transaction',
  'connect.device_authorization',
  'connect.delivered_code',
  'notification.webhook_endpoint',
  'notification.webhook_delivery',
  'execution.execution',
  'execution.waiting',
  'execution.cancellation',
  'execution.artifact',
  'audit.event',
  'audit.chain_head',
  'audit.checkpoint',
  'audit.hold',
  'audit.retention_cut',
  'audit.forward_position',
  'audit.usage_rollup',
];

describe('row-level security', () => {
  let database: MigratedDatabase;
  let admin: pg.Client;
  let ours: string;
  let theirs: string;
  const clients = new Map<string, pg.Client>();

  beforeAll(async () => {
    database = await migratedDatabase(await testPostgres());
    admin = await database.connect(database.url);
    ({ org: ours } = await seedOrganization(admin));
    ({ org: theirs } = await seedOrganization(admin));
    for (const service of SERVICES) clients.set(service, await database.connect(await database.urlOf(service)));
  });
  afterAll(() => database.stop());

  /** In a transaction that is rolled back, with `keyward.org` set to `org`; undefined leaves it unset. */
  async function as<T>(service: string, org: string | undefined, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = clients.get(service) as pg.Client;
    await client.query('BEGIN');
    try {
      if (org !== undefined) await client.query(`SELECT set_config('keyward.org', $1, true)`, [org]);
      return await work(client);
    } finally {
      await client.query('ROLLBACK');
    }
  }

  async function may(service: string, table: string, right: string): Promise<boolean> {
    const { rows } = await admin.query<{ may: boolean }>('SELECT has_any_column_privilege($1, $2, $3) AS may', [
      `keyward_${service}`,
      table,
      right,
    ]);
    return rows[0]?.may ?? false;
  }

  async function updatableColumn(service: string, table: string): Promise<string> {
    const { rows } = await admin.query<{ name: string }>(
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = $2::regclass AND attnum > 0
       AND has_column_privilege($1, attrelid, attnum, 'UPDATE') LIMIT 1`,
      [`keyward_${service}`, table],
    );
    return rows[0]?.name ?? '';
  }

  const count = async (client: pg.Client, table: string, org: string): Promise<number> =>
    (await client.query(`SELECT 1 FROM ${table} WHERE org_id = $1`, [org])).rowCount ?? 0;

  it('is on, and forced, for every table that names an organization', async () => {
    const { rows } = await admin.query<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
       WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relrowsecurity AND c.relforcerowsecurity`,
    );
    expect(rows.map((row) => row.name).sort()).toEqual(TABLES.toSorted());
    const { rowCount } = await admin.query(
      `SELECT 1 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
       WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition`,
    );
    expect(rowCount).toBe(TABLES.length);
  });

  describe.each(TABLES)('%s', (table) => {
    it.each(SERVICES)('shows %s the rows of the organization it set, and no other', async (service) => {
      if (!(await may(service, table, 'SELECT'))) {
        await expect(as(service, ours, (client) => count(client, table, ours))).rejects.toMatchObject({ code: '42501' });
        return;
      }
      expect(await as(service, ours, (client) => count(client, table, ours))).toBeGreaterThan(0);
      for (const set of [undefined, '', newId('org'), ours]) {
        expect(await as(service, set, (client) => count(client, table, theirs))).toBe(0);
      }
    });

    it.each(SERVICES)('lets %s change no row of another organization', async (service) => {
      const [mayUpdate, mayDelete] = [await may(service, table, 'UPDATE'), await deletable(service, table)];
      for (const set of [undefined, '', ours]) {
        if (mayUpdate) {
          const column = await updatableColumn(service, table);
          const update = `UPDATE ${table} SET ${column} = ${column} WHERE org_id = $1`;
          expect((await as(service, set, (client) => client.query(update, [theirs]))).rowCount).toBe(0);
        }
        if (mayDelete) {
          const remove = `DELETE FROM ${table} WHERE org_id = $1`;
          expect((await as(service, set, (client) => client.query(remove, [theirs]))).rowCount).toBe(0);
        }
      }
    });

    it.each(SERVICES)('lets %s write no row for another organization, nor hand one over', async (service) => {
      const { rows } = await admin.query<{ row: object }>(`SELECT to_jsonb(t) AS row FROM ${table} t WHERE org_id = $1`, [
        theirs,
      ]);
      const copy = JSON.stringify(rows[0]?.row);
      const violation = expect.objectContaining({ code: '42501', message: expect.stringContaining('row-level security') });
      for (const set of [undefined, '', ours]) {
        if (await may(service, table, 'INSERT')) {
          const insert = `INSERT INTO ${table} SELECT * FROM jsonb_populate_record(NULL::${table}, $1)`;
          await expect(as(service, set, (client) => client.query(insert, [copy]))).rejects.toEqual(violation);
        }
      }
      const { rows: mayMove } = await admin.query<{ may: boolean }>(
        `SELECT has_column_privilege($1, $2, 'org_id', 'UPDATE') AS may`,
        [`keyward_${service}`, table],
      );
      if (mayMove[0]?.may === true) {
        const move = `UPDATE ${table} SET org_id = $1 WHERE org_id = $2`;
        await expect(as(service, ours, (client) => client.query(move, [theirs, ours]))).rejects.toEqual(violation);
      }
    });

    it('binds the owner too', async () => {
      const owner = `t_owner_${ours.slice(-8)}`;
      await admin.query(`BEGIN; CREATE ROLE ${owner}; ALTER TABLE ${table} OWNER TO ${owner}`);
      try {
        await admin.query(`GRANT USAGE ON SCHEMA ${table.split('.')[0]} TO ${owner}; SET LOCAL ROLE ${owner}`);
        expect(await count(admin, table, ours)).toBe(0);
      } finally {
        await admin.query('ROLLBACK');
      }
    });
  });

  async function deletable(service: string, table: string): Promise<boolean> {
    const { rows } = await admin.query<{ may: boolean }>(`SELECT has_table_privilege($1, $2, 'DELETE') AS may`, [
      `keyward_${service}`,
      table,
    ]);
    return rows[0]?.may ?? false;
  }

  it('opens all organizations to audit-service alone, and only where it says so', async () => {
    expect(await as('audit', '*', (client) => count(client, 'audit.event', theirs))).toBe(1);
    expect(await as('auth', '*', (client) => count(client, 'vault.connection', theirs))).toBe(0);
    expect(await as('executor', '*', (client) => count(client, 'execution.execution', theirs))).toBe(0);
  });

  it('lets auth-service list and make organizations without naming one', async () => {
    const id = newId('org');
    await as('auth', undefined, async (client) => {
      await client.query('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $1, $1)', [id]);
      const { rows } = await client.query<{ id: string }>('SELECT id FROM identity.organization');
      expect(rows.map((row) => row.id)).toEqual(expect.arrayContaining([ours, theirs, id]));
    });
  });

  it('keeps foreign keys working for a service that sees only its organization', async () => {
    await as('auth', ours, async (client) => {
      const agent = newId('agt');
      await client.query(`INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, 'second', 'x')`, [agent, ours]);
      const insert = `INSERT INTO governance.assignment (id, org_id, agent_id, connector, permission) VALUES ($1, $2, $3, 'x', 'read')`;
      await client.query(insert, [newId('asg'), ours, agent]);
      const { rows } = await admin.query<{ id: string }>('SELECT id FROM identity.agent WHERE org_id = $1', [theirs]);
      await expect(client.query(insert, [newId('asg'), ours, rows[0]?.id])).rejects.toMatchObject({ code: '23503' });
    });
  });
});
