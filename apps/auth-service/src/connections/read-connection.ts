import type { Connection, ProviderRevocationState } from '@keyward/contracts';
import { ConnectionEntity, ConnectionGranteeEntity, connectionMetadata } from '@keyward/postgres';
import { In, type EntityManager } from 'typeorm';
import { notFound } from '../identity/not-found.js';
import { findRefreshStates, toRefresh } from './refresh-state.js';

interface RevocationRow {
  connection_id: string;
  state: ProviderRevocationState;
  attempts: number;
  requested_at: Date;
  settled_at: Date | null;
}

/** @throws KeywardError `not_found` */
export async function requireConnection(em: EntityManager, org: string, id: string): Promise<ConnectionEntity> {
  const row = await em.findOneBy(ConnectionEntity, { id, orgId: org });
  if (row === null) throw notFound('conn');
  return row;
}

/** As admins see it. @throws KeywardError `not_found` */
export async function readConnection(em: EntityManager, org: string, id: string): Promise<Connection> {
  const [connection] = await toConnections(em, org, [await requireConnection(em, org, id)]);
  return connection as Connection;
}

/** With the receipts, the grantees and how they are kept fresh. No sealed byte is read here. */
export async function toConnections(em: EntityManager, org: string, rows: ConnectionEntity[]): Promise<Connection[]> {
  const ids = rows.map((row) => row.id);
  if (ids.length === 0) return [];
  const states = await findRefreshStates(em, org, ids);
  const revocations = (await em.query(
    `SELECT connection_id, state, attempts, requested_at, settled_at FROM vault.provider_revocation
     WHERE connection_id = ANY($1) AND org_id = $2`,
    [ids, org],
  )) as RevocationRow[];
  const grantees = await em.find(ConnectionGranteeEntity, {
    where: { connectionId: In(ids), orgId: org },
    order: { agentId: 'ASC' },
  });
  const receipts = new Map(revocations.map((row) => [row.connection_id, row]));
  const agents = Map.groupBy(grantees, (row) => row.connectionId);
  return rows.map((row) => {
    const receipt = receipts.get(row.id);
    const state = states.get(row.id);
    const isAsked = row.status === 'needs_reauthorization';
    return {
      ...connectionMetadata(row, state?.access_expires_at ?? null),
      refresh: toRefresh(row.status, state),
      reauthorizationAskedAt: isAsked ? (row.reauthorizationAskedAt?.toISOString() ?? null) : null,
      ...(row.kind === 'workspace' ? { agents: (agents.get(row.id) ?? []).map(({ agentId }) => agentId) } : {}),
      ...(receipt === undefined ? {} : { revocation: toReceipt(receipt) }),
    };
  });
}

function toReceipt(row: RevocationRow): NonNullable<Connection['revocation']> {
  return {
    state: row.state,
    attempts: row.attempts,
    requestedAt: row.requested_at.toISOString(),
    settledAt: row.settled_at?.toISOString() ?? null,
  };
}
