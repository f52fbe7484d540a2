import type { Connection, ProviderRevocationState } from '@keyward/contracts';
import { ConnectionEntity, connectionMetadata, CredentialEntity, withOrg } from '@keyward/postgres';
import { In, LessThan, type DataSource, type EntityManager } from 'typeorm';
import { requireOrganization } from '../identity/agents.js';
import { notFound } from '../identity/not-found.js';
import { PAGE_SIZE, pageOf } from '../records/page.js';

export interface ConnectionFilter {
  user?: string;
  agent?: string;
}

interface RevocationRow {
  connection_id: string;
  state: ProviderRevocationState;
  attempts: number;
  requested_at: Date;
  settled_at: Date | null;
}

/** Metadata of connections. No sealed byte is read here. */
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
      const read = await em.find(ConnectionEntity, {
        where: {
          orgId: org,
          ...(filter.user === undefined ? {} : { userId: filter.user }),
          ...(filter.agent === undefined ? {} : { agentId: filter.agent }),
          ...(before === undefined ? {} : { id: LessThan(before) }),
        },
        order: { id: 'DESC' },
        take: PAGE_SIZE + 1,
      });
      const { rows, nextCursor } = pageOf(read);
      return { connections: await toConnections(em, rows), nextCursor };
    });
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get(org: string, id: string): Promise<Connection> {
    return withOrg(this.dataSource, org, (em) => readConnection(em, org, id));
  }
}

/** @throws KeywardError `not_found` */
export async function readConnection(em: EntityManager, org: string, id: string): Promise<Connection> {
  const row = await em.findOneBy(ConnectionEntity, { id, orgId: org });
  const [connection] = row === null ? [] : await toConnections(em, [row]);
  if (connection === undefined) throw notFound('conn');
  return connection;
}

async function toConnections(em: EntityManager, rows: ConnectionEntity[]): Promise<Connection[]> {
  const ids = rows.map((row) => row.id);
  const credentials = await em.find(CredentialEntity, {
    select: { connectionId: true, accessExpiresAt: true },
    where: { connectionId: In(ids) },
  });
  const revocations = (await em.query(
    'SELECT connection_id, state, attempts, requested_at, settled_at FROM vault.provider_revocation WHERE connection_id = ANY($1)',
    [ids],
  )) as RevocationRow[];
  const expiry = new Map(credentials.map((row) => [row.connectionId, row.accessExpiresAt]));
  const receipts = new Map(revocations.map((row) => [row.connection_id, row]));
  return rows.map((row) => toConnection(row, expiry.get(row.id) ?? null, receipts.get(row.id)));
}

function toConnection(row: ConnectionEntity, expiresAt: Date | null, receipt: RevocationRow | undefined): Connection {
  return {
    ...connectionMetadata(row, expiresAt),
    ...(receipt === undefined ? {} : { revocation: toReceipt(receipt) }),
  };
}

function toReceipt(row: RevocationRow): NonNullable<Connection['revocation']> {
  return {
    state: row.state,
    attempts: row.attempts,
    requestedAt: row.requested_at.toISOString(),
    settledAt: row.settled_at?.toISOString() ?? null,
  };
}
