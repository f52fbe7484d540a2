import type { Connection } from '@keyward/contracts';
import { In, type EntityManager } from 'typeorm';
import { CredentialEntity, type ConnectionEntity } from './entities/vault.js';

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

/** The same of many, with when their access tokens end: the one thing of a credential that every door may read. */
export async function connectionsMetadata(em: EntityManager, rows: readonly ConnectionEntity[]): Promise<Connection[]> {
  if (rows.length === 0) return [];
  const credentials = await em.find(CredentialEntity, {
    select: { connectionId: true, accessExpiresAt: true },
    where: { connectionId: In(rows.map(({ id }) => id)) },
  });
  const expiry = new Map(credentials.map(({ connectionId, accessExpiresAt }) => [connectionId, accessExpiresAt]));
  return rows.map((row) => connectionMetadata(row, expiry.get(row.id) ?? null));
}
