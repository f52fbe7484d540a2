import { newId } from '@keyward/contracts';
import { clientSecretContext, createCredentials, type Credentials } from '@keyward/credentials';
import { createLocalKms } from '@keyward/kms-local';
import { createDataSource } from '@keyward/postgres';
import { createDataKeyStore } from '@keyward/postgres-vault';
import type { Stack } from '@keyward/stack';
import type { IssuedTokens } from './token-server.js';

type Database = Awaited<ReturnType<ReturnType<typeof createDataSource>['initialize']>>;

/** Whose a connection is. */
export interface Owner {
  org: string;
  agent: string;
  app: string;
}

export interface Member extends Owner {
  connection: string;
  user: string;
}

/** When the token of one connection ends and is to be refreshed, in ms from the moment of its insertion; null: not by the clock. */
export interface Due {
  expiresInMs: number;
  refreshInMs: number | null;
}

const PROVIDER = 'sandbox';
const ROWS_AT_A_TIME = 1_000;

/** Connections with tokens that an authorization server really issued, written as auth-service writes them, thousands at a time. */
export class Fleet {
  readonly members: Member[] = [];
  readonly #orgs: string[] = [];

  private constructor(
    readonly database: Database,
    private readonly credentials: Credentials,
  ) {}

  static async over({ info, paths }: Stack): Promise<Fleet> {
    const database = await createDataSource({ url: info.databaseUrl, applicationName: 'keyward-bench' }).initialize();
    const kms = createLocalKms({ keyFile: paths.kmsKeyFile });
    return new Fleet(database, createCredentials({ kms, dataKeys: createDataKeyStore(database) }));
  }

  /** Organizations with an agent and a registration each. */
  async organizations(count: number, client: { clientId: string; clientSecret: string }): Promise<Owner[]> {
    const owners: Owner[] = [];
    for (let index = 0; index < count; index++) {
      const [org, agent, app] = [newId('org'), newId('agt'), newId('app')];
      await this.database.query('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $1, $1)', [org]);
      this.#orgs.push(org);
      const secret = await this.credentials.sealSecret(clientSecretContext({ org, id: app, generation: 1 }), client.clientSecret);
      await this.database.query(`INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, 'bench', 'Bench')`, [
        agent,
        org,
      ]);
      await this.database.query(
        `INSERT INTO vault.provider_app (id, org_id, provider, client_id, sealed_secret, callback_context)
         VALUES ($1, $2, $3, $4, $5, $1)`,
        [app, org, PROVIDER, client.clientId, secret],
      );
      owners.push({ org, agent, app });
    }
    return owners;
  }

  /** One connection per pair of tokens, the owners in turn. @returns those added */
  async connect(owners: readonly Owner[], tokens: readonly IssuedTokens[], due: (index: number) => Due): Promise<Member[]> {
    const added: Member[] = tokens.map((_, index) => {
      const owner = owners[index % owners.length];
      if (owner === undefined) throw new Error('connections need an owner');
      const connection = newId('conn');
      return { ...owner, connection, user: `usr_bench_${connection.slice(-20)}` };
    });
    for (let from = 0; from < added.length; from += ROWS_AT_A_TIME) {
      const to = Math.min(added.length, from + ROWS_AT_A_TIME);
      await this.#write(added.slice(from, to), tokens.slice(from, to), (index) => due(from + index));
    }
    this.members.push(...added);
    return added;
  }

  /**
   * Sets all times anew, so that what a long insertion took is not in them.
   * @returns the database's time that they are counted from, in ms since 1970
   */
  async schedule(members: readonly Member[], due: (index: number) => Due): Promise<number> {
    const [clock] = await this.database.query<{ now: number }[]>(
      'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
    );
    if (clock === undefined) throw new Error('the database has no clock');
    const all = members.map((_, index) => due(index));
    await this.database.query(
      `UPDATE vault.credential k
       SET access_expires_at = to_timestamp(($4::float8 + d.expires) / 1000), refresh_at = to_timestamp(($4::float8 + d.refresh) / 1000),
           awake_refresh_at = to_timestamp(($4::float8 + d.refresh) / 1000)
       FROM unnest($1::text[], $2::float8[], $3::float8[]) AS d (connection, expires, refresh)
       WHERE k.connection_id = d.connection`,
      [
        members.map(({ connection }) => connection),
        all.map(({ expiresInMs }) => expiresInMs),
        all.map(({ refreshInMs }) => refreshInMs),
        clock.now,
      ],
    );
    return clock.now;
  }

  /** When the present generation of each was stored, in ms since 1970 by the database's clock. In the order of the members. */
  async storedAt(): Promise<number[]> {
    const rows = await this.database.query<{ at: number }[]>(
      `SELECT extract(epoch FROM k.obtained_at)::float8 * 1000 AS at
       FROM unnest($1::text[]) WITH ORDINALITY AS m (connection, place) JOIN vault.credential k ON k.connection_id = m.connection
       ORDER BY m.place`,
      [this.members.map(({ connection }) => connection)],
    );
    return rows.map(({ at }) => at);
  }

  /** Has the database catch up on what the insertion left to do, so that it is not done while something is measured. */
  async settle(): Promise<void> {
    for (const table of ['vault.connection', 'vault.credential']) await this.database.query(`VACUUM ANALYZE ${table}`);
    await this.database.query('CHECKPOINT');
  }

  /** Removes everything that was made here, and ends the database connection. */
  async disband(): Promise<void> {
    const connections = this.members.map(({ connection }) => connection);
    await this.database.query('DELETE FROM vault.connection WHERE id = ANY($1)', [connections]);
    for (const table of ['vault.provider_app', 'identity.agent', 'vault.data_key']) {
      await this.database.query(`DELETE FROM ${table} WHERE org_id = ANY($1)`, [this.#orgs]);
    }
    await this.database.query('DELETE FROM identity.organization WHERE id = ANY($1)', [this.#orgs]);
    await this.database.destroy();
  }

  async #write(members: readonly Member[], tokens: readonly IssuedTokens[], due: (index: number) => Due): Promise<void> {
    const sealed = await Promise.all(
      members.map(({ org, connection }, index) => {
        const { access_token: accessToken, refresh_token: refreshToken } = tokens[index] as IssuedTokens;
        return this.credentials.sealTokens({ org, connection, generation: 1, accessToken, refreshToken });
      }),
    );
    await this.database.query(
      `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, scopes, status)
       SELECT id, org, usr, $6, agent, app, '{notes:read,notes:write}', 'active'
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS m (id, org, usr, agent, app)`,
      [
        members.map(({ connection }) => connection),
        members.map(({ org }) => org),
        members.map(({ user }) => user),
        members.map(({ agent }) => agent),
        members.map(({ app }) => app),
        PROVIDER,
      ],
    );
    await this.database.query(
      `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, sealed_refresh, generation, renewable)
       SELECT id, org, $5, access, refresh, 1, true
       FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) AS m (id, org, access, refresh)`,
      [
        members.map(({ connection }) => connection),
        members.map(({ org }) => org),
        sealed.map(({ sealedAccess }) => sealedAccess),
        sealed.map(({ sealedRefresh }) => sealedRefresh),
        PROVIDER,
      ],
    );
    await this.schedule(members, due);
  }
}
