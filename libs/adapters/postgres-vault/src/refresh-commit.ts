import { withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { Also, Reauthorization, RefreshCommit } from './credential-types.js';
import { rows } from './sql.js';

/**
 * One statement: between redeeming a refresh token and keeping its successor there is as little as can be. It locks the connection before
 * the credential, as everywhere. What the connection is, `held` tells: it has waited for the lock and seen what others committed
 * meanwhile, whereas a condition on `c` itself would be decided by the snapshot from before.
 */
const COMMIT = `
WITH held AS (
  SELECT c.id, c.status, c.scopes, c.parameters FROM vault.connection c
  WHERE c.org_id = $1 AND c.id = $2 AND c.status IN ('active', 'needs_reauthorization') FOR NO KEY UPDATE
), stored AS (
  UPDATE vault.credential k
  SET generation = k.generation + 1, sealed_access = $4, sealed_refresh = $5, access_expires_at = $6, refresh_at = $7,
      renewable = $9, obtained_at = now(),
      lease_owner = NULL, lease_until = NULL, lease_generation = NULL, failures = $11, updated_at = now()
  FROM held WHERE k.org_id = $1 AND k.connection_id = held.id AND k.generation = $3
  RETURNING k.connection_id
), activated AS (
  UPDATE vault.connection c
  SET status = 'active', status_reason = NULL, scopes = coalesce($8::text[], held.scopes),
      parameters = held.parameters || $10::jsonb, updated_at = now()
  FROM stored JOIN held ON held.id = stored.connection_id
  WHERE c.id = held.id
    AND (held.status <> 'active' OR held.scopes IS DISTINCT FROM coalesce($8::text[], held.scopes) OR NOT held.parameters @> $10::jsonb)
)
SELECT connection_id FROM stored`;

export function commit(ds: DataSource, refresh: RefreshCommit, also?: Also): Promise<boolean> {
  const { org, connection, generation, sealedAccess, sealedRefresh, accessExpiresAt, refreshAt, scopes = null } = refresh;
  const told = JSON.stringify(refresh.parameters ?? {});
  const values = [
    org,
    connection,
    generation,
    sealedAccess,
    sealedRefresh,
    accessExpiresAt,
    refreshAt,
    scopes,
    refresh.renewable,
    told,
    refresh.failures ?? 0,
  ];
  return withOrg(ds, org, async (em) => {
    if ((await rows(em, COMMIT, values)).length === 0) return false;
    await also?.(em);
    return true;
  });
}

const MARK = `
WITH held AS (
  SELECT c.id FROM vault.connection c WHERE c.org_id = $1 AND c.id = $2 AND c.status = 'active' FOR NO KEY UPDATE
), given_up AS (
  UPDATE vault.credential k
  SET refresh_at = NULL, lease_owner = NULL, lease_until = NULL, lease_generation = NULL, updated_at = now()
  FROM held WHERE k.org_id = $1 AND k.connection_id = held.id AND k.generation = $3
  RETURNING k.connection_id
), marked AS (
  UPDATE vault.connection c SET status = 'needs_reauthorization', status_reason = $4, updated_at = now()
  FROM given_up WHERE c.id = given_up.connection_id
)
SELECT connection_id FROM given_up`;

export function markNeedsReauthorization(ds: DataSource, wanted: Reauthorization, also?: Also): Promise<boolean> {
  const { org, connection, generation, reason } = wanted;
  return withOrg(ds, org, async (em) => {
    if ((await rows(em, MARK, [org, connection, generation, reason])).length === 0) return false;
    await also?.(em);
    return true;
  });
}
