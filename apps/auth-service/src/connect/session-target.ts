import type { ConnectSessionEntity } from '@keyward/postgres';
import type { GrantTarget } from './grant.js';

/** What a session is going to connect. */
export function targetOf(session: ConnectSessionEntity): GrantTarget {
  const { orgId: org, kind, agentId: agent, userId: user, provider, alias, grantees } = session;
  return { org, kind, agent, user, provider, alias, grantees };
}
