import type pg from 'pg';

export interface Fleet {
  connections: number;
  organizations: number;
  providers: number;
}

/**
 * Fills a database with connections of many organizations to many providers, each with a registration. Lifetimes are mixed, from minutes
 * to months, and nothing is due: a fleet that is kept up with. A tenth is asleep. No expression in it is random.
 */
export async function fillFleet(admin: pg.Pool, { connections, organizations, providers }: Fleet): Promise<void> {
  const of = `'org_' || i % ${organizations}`;
  const at = `'provider-' || (i / ${organizations} + i % ${organizations}) % ${providers}`;
  const statements = [
    `INSERT INTO identity.organization (id, slug, name) SELECT 'org_' || i, 'org-' || i, 'Fleet' FROM generate_series(0, ${organizations - 1}) i`,
    `INSERT INTO identity.agent (id, org_id, slug, name) SELECT 'agt_' || i, 'org_' || i, 'bot', 'Bot' FROM generate_series(0, ${organizations - 1}) i`,
    `INSERT INTO vault.provider_app (id, org_id, provider, client_id, callback_context)
     SELECT DISTINCT ON (o, p) 'app_' || o || p, o, p, 'client', o || p
     FROM (SELECT ${of} AS o, ${at} AS p FROM generate_series(0, ${connections - 1}) i) pairs`,
    `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, status, scopes)
     SELECT 'conn_' || i, ${of}, 'user-' || i, ${at}, 'agt_' || i % ${organizations}, 'app_' || ${of} || ${at}, 'active', '{notes:read}'
     FROM generate_series(0, ${connections - 1}) i`,
    `INSERT INTO vault.connection_authorization (id, org_id, connection_id, generation, requested_scopes, scopes, authorized_by_kind, authorized_by_id)
     SELECT 'auz_' || i, ${of}, 'conn_' || i, 1, '{notes:read}', '{notes:read}', 'user', 'user-' || i FROM generate_series(0, ${connections - 1}) i`,
    `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, sealed_refresh, renewable, generation, obtained_at,
       access_expires_at, refresh_at, awake_refresh_at)
     SELECT id, org_id, provider, sha512(id::bytea) || sha512(id::bytea), sha512(id::bytea) || sha512(id::bytea), true, 1, now(),
       now() + life * (0.3 + place), CASE WHEN i % 10 > 0 THEN now() + life * (0.05 + place) END, now() + life * (0.05 + place)
     FROM (
       SELECT 'conn_' || i AS id, i, ${of} AS org_id, ${at} AS provider, i % 1009 / 1009.0 AS place,
         (ARRAY['10 min', '1 h', '1 h', '1 h', '2 h', '8 h', '1 day', '14 days', '60 days'])[1 + i % 9]::interval AS life
       FROM generate_series(0, ${connections - 1}) i
     ) rows`,
    'ANALYZE',
  ];
  for (const statement of statements) await admin.query(statement);
}
