import { KeywardError, type AgentAddress, type Connection } from '@keyward/contracts';
import { connectionsMetadata, findUsableConnections, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { requireAgent } from '../identity/agents.js';
import { notFound } from '../identity/not-found.js';
import { PAGE_SIZE, pageOf } from '../records/page.js';
import type { Actor } from '../records/record.js';

export interface IntegrationsOptions {
  dataSource: DataSource;
  disconnects: { disconnect(org: string, id: string, actor: Actor): Promise<Connection> };
}

interface Named extends AgentAddress {
  connection: string;
}

/** Connections as one agent may know of them: its own, and those of the workspace that were granted to it. */
export class Integrations {
  constructor(private readonly options: IntegrationsOptions) {}

  /** Newest first; of a user where one is named. @throws KeywardError `not_found` (agent), `dependency_unavailable` */
  async list(
    query: AgentAddress & { user?: string | undefined },
    before: string | undefined,
  ): Promise<{ connections: Connection[]; nextCursor: string | null }> {
    return withOrg(this.options.dataSource, query.org, async (em) => {
      await requireAgent(em, query.org, query.agent);
      const { rows, nextCursor } = pageOf(await findUsableConnections(em, { ...query, before, limit: PAGE_SIZE + 1 }));
      return { connections: await connectionsMetadata(em, rows), nextCursor };
    });
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get({ org, agent, connection: id }: Named): Promise<Connection> {
    const found = await withOrg(this.options.dataSource, org, async (em) =>
      connectionsMetadata(em, await findUsableConnections(em, { org, agent, id, limit: 1 })),
    );
    const [connection] = found;
    if (connection === undefined) throw notFound('conn');
    return connection;
  }

  /** @throws KeywardError `not_found`, `forbidden` (it belongs to the workspace), `dependency_unavailable` */
  async disconnect(named: Named, actor: Actor): Promise<Connection> {
    const { kind } = await this.get(named);
    // Others use it too; who may use it may not end it for all.
    if (kind === 'workspace') throw new KeywardError('forbidden', 'A connection of the workspace is disconnected by an admin.');
    return this.options.disconnects.disconnect(named.org, named.connection, actor);
  }
}
