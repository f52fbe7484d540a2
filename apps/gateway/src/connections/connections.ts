import { connectionSchema, userIdSchema, type AgentAddress, type ConnectionStatus } from '@keyward/contracts';
import { ConnectionEntity, connectionMetadata, withOrg } from '@keyward/postgres';
import { LessThan, type DataSource } from 'typeorm';
import { z } from 'zod';
import { decodeCursor, encodeCursor } from '../tools/cursor.js';

const PAGE_SIZE = 100;
/** A call that names no connection uses the one with this alias. */
const DEFAULT_ALIAS = 'default';
const MAX_STATUSES = 1_000;
const CONNECTION_ID = /^conn_[0-9a-f]{32}$/;

export const connectionQuerySchema = z.strictObject({
  user: userIdSchema.optional(),
  cursor: z.string().max(256).optional(),
});
export type ConnectionQuery = z.infer<typeof connectionQuerySchema>;

export const connectionPageSchema = z.object({ connections: z.array(connectionSchema), nextCursor: z.string().nullable() });
export type ConnectionPage = z.infer<typeof connectionPageSchema>;

/** The calling agent's connections: metadata only, and this service's role can't read more. */
export class Connections {
  constructor(private readonly database: DataSource) {}

  /** Newest first. @throws KeywardError `invalid_request` (cursor), `dependency_unavailable` */
  async list({ org, agent }: AgentAddress, query: ConnectionQuery): Promise<ConnectionPage> {
    const selection = ['connections', query.user ?? ''];
    const before = query.cursor === undefined ? undefined : decodeCursor(selection, query.cursor, CONNECTION_ID);
    const rows = await withOrg(this.database, org, (em) =>
      em.find(ConnectionEntity, {
        where: {
          orgId: org,
          agentId: agent,
          ...(query.user === undefined ? {} : { userId: query.user }),
          ...(before === undefined ? {} : { id: LessThan(before) }),
        },
        order: { id: 'DESC' },
        take: PAGE_SIZE + 1,
      }),
    );
    const page = rows.slice(0, PAGE_SIZE);
    const last = page.at(-1);
    return {
      connections: page.map((row) => connectionMetadata(row, null)),
      nextCursor: rows.length > PAGE_SIZE && last !== undefined ? encodeCursor(selection, last.id) : null,
    };
  }

  /** By provider: of the connection that a call for this user would use. */
  async statuses({ org, agent }: AgentAddress, user: string): Promise<ReadonlyMap<string, ConnectionStatus>> {
    const rows = await withOrg(this.database, org, (em) =>
      em.find(ConnectionEntity, {
        where: { orgId: org, agentId: agent, userId: user, alias: DEFAULT_ALIAS },
        order: { createdAt: 'ASC' },
        take: MAX_STATUSES,
      }),
    );
    const statuses = new Map<string, ConnectionStatus>();
    for (const { provider, status } of rows) {
      // A revoked one is shown only where nothing has taken its place.
      if (status !== 'revoked' || !statuses.has(provider)) statuses.set(provider, status);
    }
    return statuses;
  }
}
