import type { ConnectionKind, ConnectionStatus } from '@keyward/contracts';
import type { RefreshableCredential, StoredProviderApp } from './credential-types.js';

/** As `vault.refreshable` of the database. */
export interface RefreshableRow {
  org_id: string;
  connection_id: string;
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
  access_expires_in_ms: number | null;
  refresh_in_ms: number | null;
  awake_refresh_in_ms: number | null;
  refresh_expires_in_ms: number | null;
  obtained_ms_ago: number;
  unused_ms: number;
  sent_ms_ago: number | null;
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
  app_rejected_ms_ago: number | null;
  app_rejections: number;
}

/** In the order in which rows of the type are taken apart. */
export const REFRESHABLE_COLUMNS = [
  'org_id, connection_id, kind, agent_id, user_id, provider, alias, status, scopes, requested_scopes, parameters',
  'generation, sealed_access, sealed_refresh, renewable',
  'access_expires_in_ms, refresh_in_ms, awake_refresh_in_ms, refresh_expires_in_ms, obtained_ms_ago, unused_ms, sent_ms_ago',
  'failures, lease_owner, app_id, client_id, sealed_secret, sealed_key, certificate, app_parameters, metadata, app_generation',
  'app_rejected_ms_ago, app_rejections',
].join(', ');

/** @param readAt `performance.now()` from before the row was asked for */
export function toRefreshable(row: RefreshableRow, readAt: number): RefreshableCredential {
  return {
    org: row.org_id,
    connection: row.connection_id,
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
    accessExpiresInMs: row.access_expires_in_ms,
    refreshInMs: row.refresh_in_ms,
    awakeRefreshInMs: row.awake_refresh_in_ms,
    refreshExpiresInMs: row.refresh_expires_in_ms,
    obtainedMsAgo: row.obtained_ms_ago,
    unusedMs: row.unused_ms,
    sentMsAgo: row.sent_ms_ago,
    failures: row.failures,
    leaseOwner: row.lease_owner,
    readAt,
    providerApp: row.app_id === null ? null : toProviderApp(row.app_id, row),
  };
}

function toProviderApp(id: string, row: RefreshableRow): StoredProviderApp {
  return {
    orgId: row.org_id,
    id,
    clientId: row.client_id,
    sealedSecret: row.sealed_secret,
    sealedKey: row.sealed_key,
    certificate: row.certificate,
    parameters: row.app_parameters,
    metadata: row.metadata,
    generation: row.app_generation,
    rejectedMsAgo: row.app_rejected_ms_ago,
    rejections: row.app_rejections,
  };
}
