import { KeywardError, type Connection, type ControlRevoked } from '@keyward/contracts';
import { AgentEntity, ConnectionGranteeEntity, withOrg } from '@keyward/postgres';
import { In, type DataSource, type EntityManager } from 'typeorm';
import { notFound } from '../identity/not-found.js';
import { recordAudit, type Actor } from '../records/record.js';
import { readConnection, requireConnection } from './read-connection.js';

/** Who may use a connection of the workspace. */
export class Grantees {
  constructor(
    private readonly dataSource: DataSource,
    private readonly broadcast: (revoked: ControlRevoked) => Promise<void>,
  ) {}

  /**
   * These agents and no others; whoever is no longer among them loses it at once, calls under way included.
   * @throws KeywardError `not_found` (connection, agent), `invalid_request` (not the workspace's), `revoked`, `dependency_unavailable`
   */
  async replace(org: string, id: string, agents: readonly string[], actor: Actor): Promise<Connection> {
    const wanted = new Set(agents);
    const removed = await withOrg(this.dataSource, org, async (em) => {
      const row = await requireConnection(em, org, id);
      if (row.kind !== 'workspace')
        throw new KeywardError('invalid_request', 'Only a connection of the workspace is shared by agents.');
      if (row.status === 'revoked') throw new KeywardError('revoked', 'The connection was revoked; nobody can use it any more.');
      const changed = await replaceIn(em, org, id, wanted);
      if (changed.added.length + changed.removed.length > 0) {
        const type = 'connection.grantees_changed';
        await recordAudit(em, { type, org, actor, connection: id, provider: row.provider, reason: summary(changed) });
      }
      return changed.removed;
    });
    const told = removed.map((agent) => this.broadcast({ kind: 'grantee', org, agent, connection: id }));
    const connection = await withOrg(this.dataSource, org, (em) => readConnection(em, org, id));
    await Promise.all(told);
    return connection;
  }
}

interface Changed {
  added: string[];
  removed: string[];
}

async function replaceIn(em: EntityManager, org: string, connection: string, wanted: Set<string>): Promise<Changed> {
  const key = { orgId: org, connectionId: connection };
  // Locked first, so that of two who replace at once one comes after the other.
  await em.query('SELECT FROM vault.connection WHERE id = $1 AND org_id = $2 FOR UPDATE', [connection, org]);
  if ((await em.countBy(AgentEntity, { orgId: org, id: In([...wanted]) })) !== wanted.size) throw notFound('agt');
  const held = new Set((await em.findBy(ConnectionGranteeEntity, key)).map(({ agentId }) => agentId));
  const added = [...wanted].filter((agent) => !held.has(agent));
  const removed = [...held].filter((agent) => !wanted.has(agent));
  if (removed.length > 0) await em.delete(ConnectionGranteeEntity, { ...key, agentId: In(removed) });
  if (added.length > 0)
    await em.insert(
      ConnectionGranteeEntity,
      added.map((agentId) => ({ ...key, agentId })),
    );
  return { added, removed };
}

function summary({ added, removed }: Changed): string {
  const parts = Object.entries({ added, removed }).filter(([, agents]) => agents.length > 0);
  return parts.map(([what, agents]) => `${what}: ${agents.join(' ')}`).join('; ');
}
