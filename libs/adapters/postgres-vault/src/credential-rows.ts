import type { ConnectionKind, ConnectionStatus } from '@keyward/contracts';
import { withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import type { AuthorizedCredential, RefreshableCredential, StoredProviderApp } from './credential-types.js';
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

/** The connection is locked before the credential, as everywhere: two transactions that hold one each would wait for ever. */
const STORE_AUTHORIZED = `
WITH held AS (
  SELECT c.id, c.provider FROM vault.connection c WHERE c.org_id = $1 AND c.id = $2 AND c.status <> 'revoked' FOR NO KEY UPDATE
), stored AS (
  INSERT INTO vault.credential AS k
    (connection_id, org_id, provider, generation, sealed_access, sealed_refresh, access_expires_at, refresh_at, renewable)
  SELECT held.id, $1, held.provider, $3, $4, $5, $6, $7, $9 FROM held
  ON CONFLICT (connection_id) DO UPDATE
    SET generation = excluded.generation, sealed_access = excluded.sealed_access, sealed_refresh = excluded.sealed_refresh,
        access_expires_at = excluded.access_expires_at, refresh_at = excluded.refresh_at,
        renewable = excluded.renewable, obtained_at = now(),
        lease_owner = NULL, lease_until = NULL, lease_generation = NULL, failures = 0, updated_at = now()
    WHERE k.generation = excluded.generation - 1
  RETURNING k.connection_id
), activated AS (
  UPDATE vault.connection c
  SET status = 'active', status_reason = NULL, scopes = $8, parameters = coalesce($10::jsonb, c.parameters), updated_at = now()
  FROM stored WHERE c.id = stored.connection_id
)
SELECT connection_id FROM stored`;

export async function storeAuthorized(em: EntityManager, credential: AuthorizedCredential): Promise<boolean> {
  const { org, connection, generation, sealedAccess, sealedRefresh, accessExpiresAt, refreshAt, scopes } = credential;
  const { renewable, parameters = null } = credential;
  const stored = await rows(em, STORE_AUTHORIZED, [
    org,
    connection,
    generation,
    sealedAccess,
    sealedRefresh,
    accessExpiresAt,
    refreshAt,
    scopes,
    renewable,
    parameters === null ? null : JSON.stringify(parameters),
  ]);
  return stored.length === 1;
}

interface RefreshableRow {
  kind: ConnectionKind;
  agent_id: string | null;
  user_id: string | null;
  provider: string;
  alias: string;
  status: ConnectionStatus;
  scopes: string[];
  requested_scopes: string[] | null;
  parameters: Record<string, string>;
  generation: number;
  sealed_access: Buffer;
  sealed_refresh: Buffer | null;
  renewable: boolean;
  obtained_at: Date;
  access_expires_at: Date | null;
  refresh_at: Date | null;
  failures: number;
  lease_owner: string | null;
  /** null, as is all that follows: without a registration. */
  app_id: string | null;
  client_id: string;
  sealed_secret: Buffer | null;
  sealed_key: Buffer | null;
  certificate: string | null;
  app_parameters: Record<string, string>;
  metadata: Record<string, unknown> | null;
  app_generation: number;
}

const LOAD = `
SELECT c.kind, c.agent_id, c.user_id, c.provider, c.alias, c.status, c.scopes, c.parameters,
       (SELECT z.requested_scopes FROM vault.connection_authorization z WHERE z.org_id = c.org_id AND z.connection_id = c.id
        ORDER BY z.authorized_at DESC, z.id DESC LIMIT 1) AS requested_scopes,
       k.generation, k.sealed_access, k.sealed_refresh, k.renewable, k.obtained_at, k.access_expires_at, k.refresh_at, k.failures,
       k.lease_owner,
       a.id AS app_id, a.client_id, a.sealed_secret, a.sealed_key, a.certificate, a.parameters AS app_parameters, a.metadata,
       a.generation AS app_generation
FROM vault.connection c
JOIN vault.credential k ON k.connection_id = c.id AND k.org_id = c.org_id
LEFT JOIN vault.provider_app a ON a.id = c.provider_app_id AND a.org_id = c.org_id
WHERE c.org_id = $1 AND c.id = $2`;

export async function load(ds: DataSource, org: string, connection: string): Promise<RefreshableCredential | null> {
  const [row] = await withOrg(ds, org, (em) => rows<RefreshableRow>(em, LOAD, [org, connection]));
  if (row === undefined) return null;
  return {
    org,
    connection,
    kind: row.kind,
    agent: row.agent_id,
    user: row.user_id,
    provider: row.provider,
    alias: row.alias,
    status: row.status,
    scopes: row.scopes,
    requestedScopes: row.requested_scopes ?? row.scopes,
    parameters: row.parameters,
    generation: row.generation,
    sealedAccess: row.sealed_access,
    sealedRefresh: row.sealed_refresh,
    renewable: row.renewable,
    obtainedAt: row.obtained_at,
    accessExpiresAt: row.access_expires_at,
    refreshAt: row.refresh_at,
    failures: row.failures,
    leaseOwner: row.lease_owner,
    providerApp: row.app_id === null ? null : providerApp(org, row.app_id, row),
  };
}

function providerApp(orgId: string, id: string, row: RefreshableRow): StoredProviderApp {
  return {
    orgId,
    id,
    clientId: row.client_id,
    sealedSecret: row.sealed_secret,
    sealedKey: row.sealed_key,
    certificate: row.certificate,
    parameters: row.app_parameters,
    metadata: row.metadata,
    generation: row.app_generation,
  };
}
