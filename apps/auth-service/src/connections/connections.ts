import type { Connection, ConnectionAuthorization, ConnectionKind, ConnectionStatus } from '@keyward/contracts';
import { ConnectionAuthorizationEntity, ConnectionEntity, withOrg } from '@keyward/postgres';
import type { DataSource, SelectQueryBuilder } from 'typeorm';
import { requireOrganization } from '../identity/agents.js';
import { PAGE_SIZE, pageOf } from '../records/page.js';
import { readConnection, requireConnection, toConnections } from './read-connection.js';

export interface ConnectionFilter {
  user?: string | undefined;
  /** Its own connections, and those of the workspace that it may use. */
  agent?: string | undefined;
  provider?: string | undefined;
  status?: ConnectionStatus | undefined;
  kind?: ConnectionKind | undefined;
}

/** A connection is authorized by hand, a few times in its life; older ones than these are in the audit trail. */
const HISTORY = 100;

/** Metadata of connections. */
export class Connections {
  constructor(private readonly dataSource: DataSource) {}

  /** Newest first, revoked ones included. @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async list(
    org: string,
    filter: ConnectionFilter,
    before: string | undefined,
  ): Promise<{ connections: Connection[]; nextCursor: string | null }> {
    return withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      const query = em.createQueryBuilder(ConnectionEntity, 'c').where('c.orgId = :org', { org });
      narrow(query, filter);
      if (before !== undefined) query.andWhere('c.id < :before', { before });
      const { rows, nextCursor } = pageOf(
        await query
          .orderBy('c.id', 'DESC')
          .take(PAGE_SIZE + 1)
          .getMany(),
      );
      return { connections: await toConnections(em, org, rows), nextCursor };
    });
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get(org: string, id: string): Promise<Connection> {
    return withOrg(this.dataSource, org, (em) => readConnection(em, org, id));
  }

  /** Every authorization that it has had, newest first. @throws KeywardError `not_found`, `dependency_unavailable` */
  async history(org: string, id: string): Promise<{ authorizations: ConnectionAuthorization[] }> {
    const rows = await withOrg(this.dataSource, org, async (em) => {
      await requireConnection(em, org, id);
      const where = { orgId: org, connectionId: id };
      return em.find(ConnectionAuthorizationEntity, { where, order: { id: 'DESC' }, take: HISTORY });
    });
    return { authorizations: rows.map(toAuthorization) };
  }
}

function narrow(query: SelectQueryBuilder<ConnectionEntity>, { agent, user, provider, status, kind }: ConnectionFilter): void {
  if (user !== undefined) query.andWhere('c.userId = :user', { user });
  if (provider !== undefined) query.andWhere('c.provider = :provider', { provider });
  if (status !== undefined) query.andWhere('c.status = :status', { status });
  if (kind !== undefined) query.andWhere('c.kind = :kind', { kind });
  if (agent === undefined) return;
  const granted =
    'SELECT 1 FROM vault.connection_grantee g WHERE g.connection_id = c.id AND g.org_id = :org AND g.agent_id = :agent';
  query.andWhere(`(c.agentId = :agent OR EXISTS (${granted}))`, { agent });
}

function toAuthorization(row: ConnectionAuthorizationEntity): ConnectionAuthorization {
  return {
    id: row.id,
    generation: row.generation,
    requestedScopes: row.requestedScopes,
    scopes: row.scopes,
    authorizedBy: { kind: row.authorizedByKind, id: row.authorizedById },
    authorizedAt: row.authorizedAt.toISOString(),
  };
}
