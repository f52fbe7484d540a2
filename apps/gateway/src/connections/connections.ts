import { connectionSchema, userIdSchema, type AgentAddress, type ConnectionStatus } from '@keyward/contracts';
import { connectionsMetadata, findUsableConnections, withOrg, type ConnectionEntity } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
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

/** What the calling agent may use: metadata only, and this service's role can't read more. */
export class Connections {
  constructor(private readonly database: DataSource) {}

  /** Own ones, and those of the workspace that the agent may use; newest first. @throws KeywardError `invalid_request` (cursor), `dependency_unavailable` */
  async list({ org, agent }: AgentAddress, query: ConnectionQuery): Promise<ConnectionPage> {
    const selection = ['connections', query.user ?? ''];
    const before = query.cursor === undefined ? undefined : decodeCursor(selection, query.cursor, CONNECTION_ID);
    return withOrg(this.database, org, async (em) => {
      const wanted = { org, agent, user: query.user, before, limit: PAGE_SIZE + 1 };
      const rows = await findUsableConnections(em, wanted);
      const page = rows.slice(0, PAGE_SIZE);
      const last = page.at(-1);
      return {
        connections: await connectionsMetadata(em, page),
        nextCursor: rows.length > PAGE_SIZE && last !== undefined ? encodeCursor(selection, last.id) : null,
      };
    });
  }

  /** By provider: of the connection that a call for this user would use. */
  async statuses({ org, agent }: AgentAddress, user: string): Promise<ReadonlyMap<string, ConnectionStatus>> {
    const rows = await withOrg(this.database, org, (em) =>
      findUsableConnections(em, { org, agent, user, alias: DEFAULT_ALIAS, limit: MAX_STATUSES }),
    );
    const statuses = new Map<string, ConnectionStatus>();
    // The last to be set counts: a revoked one is shown only where nothing has taken its place, and a user's own before the workspace's.
    for (const { provider, status } of [...rows].sort((one, other) => precedence(one) - precedence(other))) {
      statuses.set(provider, status);
    }
    return statuses;
  }
}

function precedence({ kind, status }: ConnectionEntity): number {
  if (status === 'revoked') return 0;
  return kind === 'workspace' ? 1 : 2;
}
