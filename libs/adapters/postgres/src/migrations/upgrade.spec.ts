import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { testPostgres, type TestPostgres } from '@keyward/testing';
import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { migrate } from '../migrate.js';
import { Backbone0001 } from './0001-backbone.js';
import { Custody0002 } from './0002-custody.js';
import { ROLES } from './backbone/roles.js';

/** To the first schemas alone. */
async function migrateTo(url: string, migrations: NonNullable<DataSourceOptions['migrations']>): Promise<void> {
  const first = new DataSource({
    type: 'postgres',
    url,
    installExtensions: false,
    migrations,
    migrationsTableName: 'keyward_migration',
    logging: false,
  });
  await first.initialize();
  await first.runMigrations();
  await first.destroy();
}

describe('a database of the first schema, with data in it', () => {
  let database: TestPostgres;
  let admin: pg.Client;
  const [org, agent, app, key] = [newId('org'), newId('agt'), newId('app'), newId('key')];
  const connections = { renewable: newId('conn'), fixed: newId('conn'), pending: newId('conn') };
  const sealed = randomBytes(90);
  const insert = (text: string, ...values: unknown[]) => admin.query(`INSERT INTO ${text}`, values);

  beforeAll(async () => {
    database = await testPostgres();
    await migrateTo(database.url, [Backbone0001]);
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    await insert('identity.organization (id, slug, name) VALUES ($1, $1, $1)', org);
    await insert('identity.agent (id, org_id, slug, name) VALUES ($1, $2, $1, $1)', agent, org);
    await insert(
      'identity.agent_key (id, org_id, agent_id, secret_sha256, last_four) VALUES ($1, $2, $3, $4, $5)',
      key,
      org,
      agent,
      randomBytes(32),
      'abcd',
    );
    await insert(
      'vault.provider_app (id, org_id, provider, client_id, callback_context) VALUES ($1, $2, $3, $4, $1)',
      app,
      org,
      'sandbox',
      'client',
    );
    for (const [alias, id] of Object.entries(connections)) {
      await insert(
        `vault.connection (id, org_id, user_id, provider, agent_id, alias, provider_app_id, status, scopes) VALUES ($1, $2, 'ada', 'sandbox', $3, $4, $5, $6, '{notes:read}')`,
        ...[id, org, agent, alias, app, alias === 'pending' ? 'pending' : 'active'],
      );
    }
    const credential = `vault.credential (connection_id, org_id, sealed_access, sealed_refresh, generation, refresh_at, updated_at) VALUES ($1, $2, $3, $4, $5, now(), '2026-01-02T03:04:05Z')`;
    await insert(credential, connections.renewable, org, sealed, sealed, 7);
    await insert(credential, connections.fixed, org, sealed, null, 3);
    await migrate(database.url);
  });
  afterAll(async () => {
    await admin.end();
    await database.stop();
  });

  it('keeps every connection, as its user’s, who is taken for having authorized it', async () => {
    const { rows } = await admin.query(
      `SELECT id, kind, user_id, agent_id, alias, provider_app_id, status, scopes, parameters, authorized_by_kind, authorized_by_id FROM vault.connection ORDER BY alias`,
    );
    const common = {
      ...{ kind: 'agent', user_id: 'ada', agent_id: agent, provider_app_id: app, scopes: ['notes:read'], parameters: {} },
      ...{ authorized_by_kind: 'user', authorized_by_id: 'ada' },
    };
    expect(rows).toEqual([
      { ...common, id: connections.fixed, alias: 'fixed', status: 'active' },
      { ...common, id: connections.pending, alias: 'pending', status: 'pending' },
      { ...common, id: connections.renewable, alias: 'renewable', status: 'active' },
    ]);
  });

  it('keeps every credential, renewable where there is a refresh token, as old as it was', async () => {
    const { rows } = await admin.query(
      'SELECT connection_id, sealed_access, sealed_refresh, generation, renewable, obtained_at FROM vault.credential ORDER BY generation',
    );
    const common = { sealed_access: sealed, obtained_at: new Date('2026-01-02T03:04:05Z') };
    expect(rows).toEqual([
      { ...common, connection_id: connections.fixed, sealed_refresh: null, generation: 3, renewable: false },
      { ...common, connection_id: connections.renewable, sealed_refresh: sealed, generation: 7, renewable: true },
    ]);
    const due = await admin.query(`SELECT connection_id FROM vault.claim_due('owner', 60000, 10, '{}', '{}')`);
    expect(due.rows).toEqual([{ connection_id: connections.renewable }]);
  });

  it('keeps agent keys valid without an end, and registrations as made by hand', async () => {
    expect((await admin.query('SELECT id, revoked_at, expires_at FROM identity.agent_key')).rows).toEqual([
      { id: key, revoked_at: null, expires_at: null },
    ]);
    expect((await admin.query('SELECT registration, parameters, sealed_key FROM vault.provider_app')).rows).toEqual([
      { registration: 'pre_registered', parameters: {}, sealed_key: null },
    ]);
  });

  it('opens its connections for calls as before', async () => {
    const { rows } = await admin.query(
      `SELECT connection_id, generation, refreshable FROM vault.open_for_call($1, $2, 'ada', 'sandbox', 'sandbox', 'renewable', NULL)`,
      [org, agent],
    );
    expect(rows).toEqual([{ connection_id: connections.renewable, generation: 7, refreshable: true }]);
  });
});

describe('a database of the second schema, with refreshes under way', () => {
  let database: TestPostgres;
  let admin: pg.Client;
  const [org, agent, app] = [newId('org'), newId('agt'), newId('app')];
  const held = ['due', 'interrupted', 'released', 'given_up', 'fixed'] as const;
  const at = (time: string) => new Date(`2026-01-02T${time}Z`);

  beforeAll(async () => {
    database = await testPostgres();
    await migrateTo(database.url, [Backbone0001, Custody0002]);
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    await admin.query('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $1, $1)', [org]);
    await admin.query('INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, $1, $1)', [agent, org]);
    await admin.query(
      `INSERT INTO vault.provider_app (id, org_id, provider, client_id, callback_context) VALUES ($1, $2, 'sandbox', 'client', $1)`,
      [app, org],
    );
    for (const id of held) {
      await admin.query(
        `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, alias, provider_app_id, status, updated_at)
         VALUES ($1, $2, 'ada', 'sandbox', $3, $1, $4, $5, '2026-01-02T03:00:00Z')`,
        [id, org, agent, app, id === 'given_up' ? 'needs_reauthorization' : 'active'],
      );
      await admin.query(
        `INSERT INTO vault.credential (connection_id, org_id, sealed_access, sealed_refresh, renewable, generation, refresh_at, updated_at)
         VALUES ($1, $2, 'x', 'x', $3, 5, $4, '2026-01-02T04:00:00Z')`,
        [id, org, id !== 'fixed', id === 'given_up' || id === 'fixed' ? null : at('05:00:00')],
      );
    }
    const intend = (id: string, change: string) =>
      admin.query(`UPDATE vault.credential SET ${change} WHERE connection_id = '${id}'`);
    await intend('interrupted', `lease_owner = 'dead', lease_until = '2026-01-02T06:00:00Z', lease_generation = 5`);
    await intend('released', 'lease_generation = 5');
    await migrate(database.url);
  });
  afterAll(async () => {
    await admin.end();
    await database.stop();
  });

  it('keeps every credential’s time, of its connection’s provider, as one in use', async () => {
    const { rows } = await admin.query(
      `SELECT connection_id, provider, refresh_at, awake_refresh_at, refresh_expires_at, last_used_at > now() - interval '1 hour' AS used
       FROM vault.credential ORDER BY 1`,
    );
    const due = { refresh_at: at('05:00:00'), awake_refresh_at: at('05:00:00') };
    const never = { refresh_at: null, awake_refresh_at: null };
    const times = { due, fixed: never, given_up: never, interrupted: due, released: due };
    expect(rows).toEqual(
      Object.entries(times).map(([id, set]) => ({
        ...{ connection_id: id, provider: 'sandbox', refresh_expires_at: null, used: true },
        ...set,
      })),
    );
  });

  it('takes every intent that was left for a request whose answer is not known, and nothing else', async () => {
    const { rows } = await admin.query(
      'SELECT connection_id, sent_at FROM vault.credential WHERE sent_at IS NOT NULL ORDER BY 1',
    );
    expect(rows).toEqual([
      { connection_id: 'interrupted', sent_at: at('06:00:00') },
      { connection_id: 'released', sent_at: at('04:00:00') },
    ]);
    const due = await admin.query(
      `SELECT connection_id, sent_ms_ago IS NOT NULL AS sent FROM vault.claim_due('owner', 60000, 10, '{}', '{}') ORDER BY 1`,
    );
    expect(due.rows).toEqual([
      { connection_id: 'due', sent: false },
      { connection_id: 'interrupted', sent: true },
      { connection_id: 'released', sent: true },
    ]);
  });

  it('asks people since their connection was given up, and rejects no registration', async () => {
    const { rows } = await admin.query('SELECT id, reauthorization_asked_at AS asked FROM vault.connection ORDER BY 1');
    expect(rows).toEqual(held.toSorted().map((id) => ({ id, asked: id === 'given_up' ? at('03:00:00') : null })));
    expect((await admin.query('SELECT rejected_at, rejections FROM vault.provider_app')).rows).toEqual([
      { rejected_at: null, rejections: 0 },
    ]);
  });
});

describe('its owner without superuser rights, whom row-level security binds too', () => {
  const mayMakeItselfOne = 'WITH ADMIN TRUE, INHERIT FALSE, SET FALSE';
  it.each([
    ['is a member of keyward_definer', 'INHERIT', 'WITH ADMIN OPTION'],
    ['has made the role (from PostgreSQL 16 on)', 'INHERIT', mayMakeItselfOne],
    ['has made it, and inherits nothing by itself (from PostgreSQL 16 on)', 'NOINHERIT', mayMakeItselfOne],
  ])('%s: no row is left as it was', async (_what, inherit, grant) => {
    const { url, stop } = await testPostgres();
    const name = new URL(url).pathname.slice(1);
    const owner = `${name}_owner`;
    const admin = new pg.Client({ connectionString: url });
    await admin.connect();
    await admin.query(ROLES);
    await admin.query(`CREATE ROLE ${owner} LOGIN PASSWORD 'owner' CREATEROLE ${inherit}`);
    await admin.query(`ALTER DATABASE ${name} OWNER TO ${owner}`);
    await admin.query(`GRANT keyward_definer TO ${owner} ${grant}`);
    const asOwner = new URL(url);
    [asOwner.username, asOwner.password] = [owner, 'owner'];
    await migrateTo(asOwner.href, [Backbone0001]);
    const [org, agent, app, connection] = [newId('org'), newId('agt'), newId('app'), newId('conn')];
    await admin.query('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $1, $1)', [org]);
    await admin.query('INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, $1, $1)', [agent, org]);
    await admin.query(
      `INSERT INTO vault.provider_app (id, org_id, provider, client_id, callback_context) VALUES ($1, $2, 'sandbox', 'client', $1)`,
      [app, org],
    );
    await admin.query(
      `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, status) VALUES ($1, $2, 'ada', 'sandbox', $3, $4, 'active')`,
      [connection, org, agent, app],
    );
    await admin.query(
      `INSERT INTO vault.credential (connection_id, org_id, sealed_access, sealed_refresh, generation, updated_at) VALUES ($1, $2, 'x', 'x', 1, '2026-01-02T03:04:05Z')`,
      [connection, org],
    );
    await migrate(asOwner.href);
    const { rows } = await admin.query(
      `SELECT c.authorized_by_id, k.renewable, k.obtained_at FROM vault.connection c JOIN vault.credential k ON k.connection_id = c.id`,
    );
    expect(rows).toEqual([{ authorized_by_id: 'ada', renewable: true, obtained_at: new Date('2026-01-02T03:04:05Z') }]);
    const owners = await admin.query(
      `SELECT DISTINCT proowner::regrole::text AS owner FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE prosecdef AND nspname IN ('identity', 'governance', 'vault', 'connect', 'execution')`,
    );
    expect(owners.rows).toEqual([{ owner: 'keyward_definer' }]);
    await admin.query(`DROP OWNED BY ${owner} CASCADE`);
    await admin.query(`ALTER DATABASE ${name} OWNER TO CURRENT_USER`);
    await admin.query(`DROP ROLE ${owner}`);
    await admin.end();
    await stop();
  });
});
