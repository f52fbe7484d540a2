import { createDataSource, migrate } from '@keyward/postgres';
import type { Stack } from '@keyward/stack';

export const ROWS = 300_000;
const ORGANIZATIONS = 3_000;
const PROVIDERS = 90;
/** Registrations of one organization, each with as many connections. */
const APPS = 10;

/**
 * Rows by the hundred thousand, in the shape that a large deployment has: lifetimes of an hour (most) to two months, 90 providers, 3,000
 * organizations with ten registrations each. A third sleeps. Nothing is due for ten minutes. The sealed bytes are of the length of real
 * ones and open nothing.
 */
const FILL = [
  // It may take a while, and what the rows refer to is there by construction.
  'SET statement_timeout = 0',
  'SET session_replication_role = replica',
  `INSERT INTO identity.organization (id, slug, name) SELECT 'org_' || o, 'org-' || o, 'Org' FROM generate_series(0, ${ORGANIZATIONS - 1}) o`,
  `INSERT INTO identity.agent (id, org_id, slug, name) SELECT 'agt_' || o, 'org_' || o, 'bot', 'Bot' FROM generate_series(0, ${ORGANIZATIONS - 1}) o`,
  `INSERT INTO vault.provider_app (id, org_id, provider, client_id, sealed_secret, callback_context)
   SELECT 'app_' || o || '_' || a, 'org_' || o, 'provider_' || (o * 7 + a * 9) % ${PROVIDERS}, 'client', decode(repeat(md5(o::text), 4), 'hex'),
          'context_' || o || '_' || a
   FROM generate_series(0, ${ORGANIZATIONS - 1}) o, generate_series(0, ${APPS - 1}) a`,
  `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, scopes, status)
   SELECT 'conn_' || md5(n::text), 'org_' || o, 'usr_' || n, 'provider_' || (o * 7 + a * 9) % ${PROVIDERS}, 'agt_' || o, 'app_' || o || '_' || a,
          '{read,write}', 'active'
   FROM (SELECT n, n % ${ORGANIZATIONS} AS o, (n / ${ORGANIZATIONS}) % ${APPS} AS a FROM generate_series(0, ${ROWS - 1}) n) s`,
  `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, sealed_refresh, generation, renewable, access_expires_at,
                                 refresh_at, awake_refresh_at, last_used_at)
   SELECT c.id, c.org_id, c.provider, decode(repeat(md5(c.id), 60), 'hex'), decode(repeat(md5(c.id), 16), 'hex'), 1, true,
          clock_timestamp() + l.life, CASE WHEN l.asleep THEN NULL ELSE clock_timestamp() + l.due END, clock_timestamp() + l.due,
          CASE WHEN l.asleep THEN clock_timestamp() - interval '30 days' ELSE clock_timestamp() END
   FROM (SELECT *, row_number() OVER () AS n FROM vault.connection) c,
        LATERAL (SELECT (ARRAY['1 hour','1 hour','1 hour','8 hours','1 day','60 days'])[1 + c.n % 6]::interval AS life,
                        c.n % 3 = 0 AS asleep) p,
        LATERAL (SELECT p.life AS life, p.asleep AS asleep, interval '10 minutes' + (p.life * 0.9 - interval '10 minutes') * random() AS due) l`,
  'VACUUM ANALYZE',
  'CHECKPOINT',
  'RESET session_replication_role',
];

export type Database = Awaited<ReturnType<ReturnType<typeof createDataSource>['initialize']>>;

export interface ScaleDatabase {
  name: string;
  /** As superuser. */
  url: string;
  admin: Database;
  /** Removes it; nobody may be connected any more. */
  drop(): Promise<void>;
}

/** A database of its own in the stack's PostgreSQL, so that no other service of the stack looks into it. */
export async function scaleDatabase({ info }: Stack): Promise<ScaleDatabase> {
  const name = 'bench_scale';
  const stack = await open(info.databaseUrl);
  await stack.query(`CREATE DATABASE ${name}`);
  const url = withDatabase(info.databaseUrl, name);
  await migrate(url);
  const admin = await open(url);
  for (const statement of FILL) await admin.query(`${statement}`);
  return {
    ...{ name, url, admin },
    async drop() {
      await admin.destroy();
      await stack.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await stack.destroy();
    },
  };
}

export function withDatabase(url: string, name: string): string {
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}

function open(url: string): Promise<Database> {
  return createDataSource({ url, applicationName: 'keyward-bench', poolSize: 1 }).initialize();
}
