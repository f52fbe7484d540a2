import { ConnectSessionEntity, withOrg } from '@keyward/postgres';
import { In, type DataSource } from 'typeorm';
import { recordAudit } from '../records/record.js';
import { OPEN_STATES } from './session-store.js';

export interface Failure {
  /** Left out: the link can still be used. */
  state?: 'failed' | 'cancelled';
  /** One word of ours, never the provider's text. */
  failure: string;
}

/** Writes down why a session did not lead to a connection. False: it had ended before, and stays as it was. */
export async function recordFailure(dataSource: DataSource, session: ConnectSessionEntity, failure: Failure): Promise<boolean> {
  const { id, orgId: org, agentId: agent, userId: user, provider } = session;
  return withOrg(dataSource, org, async (em) => {
    const { affected } = await em.update(ConnectSessionEntity, { id, orgId: org, state: In(OPEN_STATES) }, failure);
    const actor = { kind: 'user' as const, id: user };
    const reason = `${failure.failure} (${id})`;
    await recordAudit(em, { type: 'connection.authorization_failed', org, actor, agent, user, provider, reason });
    return affected === 1;
  });
}
