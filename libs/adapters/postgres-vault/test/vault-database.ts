import { randomBytes } from 'node:crypto';
import { newId } from '@keyward/contracts';
import { createDataSource, createLogin, migrate, type ServiceRole } from '@keyward/postgres';
import { testPostgres, type TestPostgres } from '@keyward/testing';
import pg from 'pg';
import type { DataSource } from 'typeorm';

export interface SeededConnection {
  org: string;
  agent: string;
  user: string;
  app: string;
  connection: string;
}

/** A migrated database with a data source per service, each under that service's own role: what a role may not do fails here too. */
export class VaultDatabase {
  readonly #opened: DataSource[] = [];
  readonly #logins: string[] = [];

  private constructor(
    private readonly database: TestPostgres,
    /** As superuser, past row-level security. */
    readonly admin: pg.Pool,
  ) {}

  static async start(given?: TestPostgres): Promise<VaultDatabase> {
    const database = given ?? (await testPostgres());
    await migrate(database.url);
    const admin = new pg.Pool({ connectionString: database.url, max: 2 });
    admin.on('error', () => undefined); // of an idle connection, in tests that end the server
    return new VaultDatabase(database, admin);
  }

  async as(service: ServiceRole): Promise<DataSource> {
    const login = `t_${service}_${randomBytes(4).toString('hex')}`;
    await createLogin(this.database.url, { service, login, password: login });
    this.#logins.push(login);
    const url = new URL(this.database.url);
    url.username = login;
    url.password = login;
    const dataSource = createDataSource({ url: url.href, applicationName: `test-${service}` });
    this.#opened.push(await dataSource.initialize());
    return dataSource;
  }

  async newOrganization(): Promise<string> {
    const org = newId('org');
    await this.admin.query('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $1, $1)', [org]);
    return org;
  }

  /**
   * An agent that may read with the connector `sandbox`, and its connection for `ada`, without a credential yet. The registration is
   * the organization's one at that provider.
   */
  async newConnection(org: string, status = 'active', provider = 'sandbox'): Promise<SeededConnection> {
    const seeded = { org, agent: newId('agt'), user: 'ada', app: newId('app'), connection: newId('conn') };
    const { agent, connection } = seeded;
    await this.admin.query('INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, $1, $1)', [agent, org]);
    await this.admin.query(
      `INSERT INTO governance.assignment (id, org_id, agent_id, connector, permission, tools)
       VALUES ($1, $2, $3, 'sandbox', 'read', ARRAY['sandbox_echo'])`,
      [newId('asg'), org, agent],
    );
    const { rows } = await this.admin.query<{ id: string }>(
      `INSERT INTO vault.provider_app (id, org_id, provider, client_id, callback_context) VALUES ($1, $2, $3, 'client', $1)
       ON CONFLICT (org_id, provider) DO UPDATE SET client_id = excluded.client_id RETURNING id`,
      [seeded.app, org, provider],
    );
    const app = rows[0]?.id ?? seeded.app;
    await this.admin.query(
      `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, status, scopes)
       VALUES ($1, $2, 'ada', $3, $4, $5, $6, ARRAY['notes:read'])`,
      [connection, org, provider, agent, app, status],
    );
    return { ...seeded, app };
  }

  async stop(): Promise<void> {
    for (const dataSource of this.#opened) await dataSource.destroy();
    for (const login of this.#logins) await this.admin.query(`DROP ROLE ${login}`);
    await this.admin.end();
    await this.database.stop();
  }
}
