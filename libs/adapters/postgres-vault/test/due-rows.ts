import type pg from 'pg';

export interface DueRow {
  id: string;
  /** Default `org_one`. */
  org?: string;
  /** Default `provider`. */
  provider?: string;
  /** Default 0; negative: not yet. */
  dueMsAgo?: number;
}

/** Active connections with a credential, by the thousand: with organizations, agents and registrations as they name them. */
export async function dueRows(admin: pg.Pool, rows: readonly DueRow[]): Promise<void> {
  const columns = [
    rows.map(({ id }) => id),
    rows.map(({ org = 'org_one' }) => org),
    rows.map(({ provider = 'provider' }) => provider),
    rows.map(({ dueMsAgo = 0 }) => dueMsAgo),
  ];
  const named = 'FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[]) AS r (id, org, provider, due_ms_ago)';
  const statements = [
    `INSERT INTO identity.organization (id, slug, name) SELECT DISTINCT org, org, org ${named} ON CONFLICT DO NOTHING`,
    `INSERT INTO identity.agent (id, org_id, slug, name) SELECT DISTINCT 'agt_' || org, org, 'bot', 'Bot' ${named} ON CONFLICT DO NOTHING`,
    `INSERT INTO vault.provider_app (id, org_id, provider, client_id, callback_context)
     SELECT DISTINCT 'app_' || org || provider, org, provider, 'client', org || provider ${named} ON CONFLICT DO NOTHING`,
    `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, status)
     SELECT id, org, id, provider, 'agt_' || org, 'app_' || org || provider, 'active' ${named}
     ON CONFLICT (id) DO UPDATE SET status = 'active'`,
    `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, sealed_refresh, renewable, generation, refresh_at,
       awake_refresh_at, access_expires_at)
     SELECT id, org, provider, 'sealed', 'sealed', true, 1, due, due, due + interval '10 minutes'
     FROM (SELECT id, org, provider, now() - make_interval(secs => due_ms_ago / 1000.0) AS due ${named}) r`,
  ];
  for (const statement of statements) await admin.query(statement, columns);
}
