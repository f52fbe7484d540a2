import type { Connection } from '@keyward/contracts';
import type { ConnectionEntity } from './entities/vault.js';

/** What agents and admins see of a connection. @param expiresAt kept beside the sealed tokens, so it is null to who may not read there */
export function connectionMetadata(row: ConnectionEntity, expiresAt: Date | null): Connection {
  return {
    id: row.id,
    organization: row.orgId,
    kind: row.kind,
    user: row.userId,
    provider: row.provider,
    agent: row.agentId,
    alias: row.alias,
    scopes: row.scopes,
    status: row.status,
    statusReason: row.statusReason,
    parameters: row.parameters,
    account: { id: row.accountId, name: row.accountName },
    authorizedBy:
      row.authorizedByKind === null || row.authorizedById === null
        ? null
        : { kind: row.authorizedByKind, id: row.authorizedById },
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
  };
}
