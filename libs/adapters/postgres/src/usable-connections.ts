import type { AgentAddress } from '@keyward/contracts';
import { In, LessThan, type EntityManager, type FindOptionsWhere } from 'typeorm';
import { ConnectionEntity, ConnectionGranteeEntity } from './entities/vault.js';

export interface UsableConnectionsQuery extends AgentAddress {
  /** Of this user, and of the workspace. Left out: of everyone. */
  user?: string | undefined;
  alias?: string | undefined;
  /** One connection. */
  id?: string | undefined;
  /** Made before the connection of this id. */
  before?: string | undefined;
  limit: number;
}

/**
 * What an agent may know of: its own connections, and those of the workspace that it is a grantee of; revoked ones included. The one
 * statement of who sees which connection, for every door that an agent's name leads through. Newest first.
 */
export async function findUsableConnections(em: EntityManager, query: UsableConnectionsQuery): Promise<ConnectionEntity[]> {
  const { org, agent, user, alias, id, before, limit } = query;
  const named = { orgId: org, ...(alias === undefined ? {} : { alias }) };
  const granted = await em.find(ConnectionGranteeEntity, {
    select: { connectionId: true, agentId: true },
    where: { orgId: org, agentId: agent, ...(id === undefined ? {} : { connectionId: id }) },
  });
  const own: FindOptionsWhere<ConnectionEntity> = {
    ...named,
    kind: 'agent',
    agentId: agent,
    ...(user === undefined ? {} : { userId: user }),
    ...(id !== undefined ? { id } : before !== undefined ? { id: LessThan(before) } : {}),
  };
  const ids = granted.map(({ connectionId }) => connectionId).filter((candidate) => before === undefined || candidate < before);
  const where: FindOptionsWhere<ConnectionEntity>[] =
    ids.length === 0 ? [own] : [own, { ...named, kind: 'workspace', id: In(ids) }];
  return em.find(ConnectionEntity, { where, order: { id: 'DESC' }, take: limit });
}
