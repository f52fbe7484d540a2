import { prepared, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import type { AuthorizedCredential, RefreshableCredential, StoredAuthorization } from './credential-types.js';
import { REFRESHABLE_COLUMNS, toRefreshable, type RefreshableRow } from './refreshable-row.js';
import { rows } from './sql.js';

export async function currentGeneration(ds: DataSource, org: string, connection: string): Promise<number> {
  const found = await withOrg(ds, org, (em) =>
    rows<{ generation: number }>(em, 'SELECT generation FROM vault.credential WHERE org_id = $1 AND connection_id = $2', [
      org,
      connection,
    ]),
  );
  return found[0]?.generation ?? 0;
}

const fromNow = (ms: string) => `clock_timestamp() + make_interval(secs => ${ms}::double precision / 1000.0)`;

/** The connection is locked before the credential, as everywhere: two transactions that hold one each would wait for ever. */
const STORE_AUTHORIZED = `
WITH held AS (
  SELECT c.id, c.provider, c.reauthorization_asked_at AS asked_at FROM vault.connection c
  WHERE c.org_id = $1 AND c.id = $2 AND c.status <> 'revoked' FOR NO KEY UPDATE
), stored AS (
  INSERT INTO vault.credential AS k
    (connection_id, org_id, provider, generation, sealed_access, sealed_refresh, renewable,
     access_expires_at, refresh_at, awake_refresh_at, refresh_expires_at)
  SELECT held.id, $1, held.provider, $3, $4, $5, $6, ${fromNow('$7')}, ${fromNow('$8')}, ${fromNow('$9')}, ${fromNow('$10')} FROM held
  ON CONFLICT (connection_id) DO UPDATE
    SET generation = excluded.generation, sealed_access = excluded.sealed_access, sealed_refresh = excluded.sealed_refresh,
        renewable = excluded.renewable, access_expires_at = excluded.access_expires_at, refresh_at = excluded.refresh_at,
        awake_refresh_at = excluded.awake_refresh_at, refresh_expires_at = excluded.refresh_expires_at,
        obtained_at = now(), last_used_at = now(),
        lease_owner = NULL, lease_until = NULL, lease_generation = NULL, sent_at = NULL, failures = 0, updated_at = now()
    WHERE k.generation = excluded.generation - 1
  RETURNING k.connection_id
), activated AS (
  UPDATE vault.connection c
  SET status = 'active', status_reason = NULL, reauthorization_asked_at = NULL, scopes = $11,
      parameters = coalesce($12::jsonb, c.parameters), updated_at = now()
  FROM stored WHERE c.id = stored.connection_id
)
SELECT (extract(epoch FROM clock_timestamp() - held.asked_at) * 1000)::double precision AS asked_ms_ago
FROM stored JOIN held ON held.id = stored.connection_id`;

export async function storeAuthorized(em: EntityManager, credential: AuthorizedCredential): Promise<StoredAuthorization | null> {
  const { org, connection, generation, sealedAccess, sealedRefresh, renewable, scopes, parameters } = credential;
  const { accessExpiresInMs, refreshInMs, awakeRefreshInMs, refreshExpiresInMs } = credential;
  const [stored] = await rows<{ asked_ms_ago: number | null }>(em, STORE_AUTHORIZED, [
    ...[org, connection, generation, sealedAccess, sealedRefresh, renewable],
    ...[accessExpiresInMs, refreshInMs, awakeRefreshInMs, refreshExpiresInMs],
    ...[scopes, parameters === undefined ? null : JSON.stringify(parameters)],
  ]);
  return stored === undefined ? null : { reauthorizedAfterMs: stored.asked_ms_ago };
}

const LOAD = {
  name: 'vault.load_refreshable',
  text: `SELECT ${REFRESHABLE_COLUMNS} FROM vault.load_refreshable($1, $2)`,
};

export async function load(ds: DataSource, org: string, connection: string): Promise<RefreshableCredential | null> {
  const readAt = performance.now();
  const [row] = await prepared<RefreshableRow>(ds, LOAD, [org, connection]);
  return row === undefined ? null : toRefreshable(row, readAt);
}
