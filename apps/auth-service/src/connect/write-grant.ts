import { newId, type ConnectionStatus } from '@keyward/contracts';
import { ConnectionAuthorizationEntity, ConnectionEntity, ConnectionGranteeEntity } from '@keyward/postgres';
import { Not, type EntityManager } from 'typeorm';
import { recordAudit, recordConnectionEvent } from '../records/record.js';
import type { GrantToStore } from './store-grant.js';

/** Where a grant is going to be stored. */
export interface Destination {
  connection: string;
  generation: number;
  /** Undefined for a new connection. */
  scopesBefore: readonly string[] | undefined;
}

/** Somebody else changed the connection first. Thrown to roll back. */
export class Outrun extends Error {}

/** Makes or renews the row of the connection, and who may use it where it is the workspace's. @throws Outrun */
export async function activate(
  em: EntityManager,
  request: GrantToStore,
  destination: Destination,
  scopes: string[],
): Promise<void> {
  const { target, grant, app, authorizedBy } = request;
  const { org, kind, agent, user, provider, alias } = target;
  const now = new Date();
  const active = {
    providerAppId: app?.id ?? null,
    scopes,
    parameters: grant.parameters,
    accountId: grant.account?.id ?? null,
    accountName: grant.account?.name ?? null,
    authorizedByKind: authorizedBy.kind,
    authorizedById: authorizedBy.id,
    status: 'active' as const,
    statusReason: null,
    updatedAt: now,
  };
  if (destination.scopesBefore === undefined) {
    const owner = { id: destination.connection, orgId: org, kind, agentId: agent, userId: user, provider, alias };
    await em.insert(ConnectionEntity, { ...owner, createdAt: now, ...active });
  } else {
    const live = { id: destination.connection, orgId: org, status: Not<ConnectionStatus>('revoked') };
    const { affected } = await em.update(ConnectionEntity, live, active);
    if (affected !== 1) throw new Outrun();
  }
  if (kind === 'workspace') await replaceGrantees(em, org, destination.connection, target.grantees);
}

async function replaceGrantees(em: EntityManager, org: string, connection: string, grantees: readonly string[]): Promise<void> {
  await em.delete(ConnectionGranteeEntity, { orgId: org, connectionId: connection });
  const rows = grantees.map((agentId) => ({ orgId: org, connectionId: connection, agentId }));
  if (rows.length > 0) await em.insert(ConnectionGranteeEntity, rows);
}

/** History, events and audit of an authorization. Other scopes than before are an event of their own. */
export async function recordAuthorization(
  em: EntityManager,
  request: GrantToStore,
  { connection, generation, scopesBefore }: Destination,
  scopes: string[],
): Promise<void> {
  const { target, authorizedBy, requestedScopes, session } = request;
  const { org, agent, user, provider } = target;
  await em.insert(ConnectionAuthorizationEntity, {
    id: newId('auz'),
    orgId: org,
    connectionId: connection,
    generation,
    requestedScopes: [...requestedScopes],
    scopes,
    authorizedByKind: authorizedBy.kind,
    authorizedById: authorizedBy.id,
    sessionId: session?.id ?? null,
  });
  const ref = { org, connection, user, provider, agent };
  const audited = {
    org,
    connection,
    provider,
    agent: agent ?? undefined,
    user: user ?? undefined,
    actor: authorizedBy,
    generation,
  };
  await recordConnectionEvent(em, 'authorized', ref, { generation });
  await recordAudit(em, { type: 'connection.authorized', ...audited, scopes, reason: session?.id });
  if (scopesBefore === undefined || sameSet(scopesBefore, scopes)) return;
  await recordConnectionEvent(em, 'scopes_changed', ref, { generation });
  await recordAudit(em, { type: 'connection.scopes_changed', ...audited, scopes, reason: session?.id });
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [new Set(a), new Set(b)];
  return left.size === right.size && [...left].every((scope) => right.has(scope));
}
