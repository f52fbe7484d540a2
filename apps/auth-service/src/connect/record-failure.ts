import type { KeywardError } from '@keyward/contracts';
import { ConnectSessionEntity, withOrg } from '@keyward/postgres';
import { In, type DataSource } from 'typeorm';
import { recordAudit, SERVICE } from '../records/record.js';
import { OPEN_STATES } from './session-store.js';

export interface Failure {
  /** Left out: the link can still be used. */
  state?: 'failed' | 'cancelled';
  /** One word of ours, never the provider's text. */
  failure: string;
  /** The person chose so. Otherwise it was refused, and who was at the browser is not known. */
  chosen?: boolean;
  error?: KeywardError;
}

/** Writes down why a session did not lead to a connection. False: it had ended before, and stays as it was. */
export async function recordFailure(dataSource: DataSource, session: ConnectSessionEntity, cause: Failure): Promise<boolean> {
  const { id, orgId: org, agentId: agent, userId: user, provider } = session;
  const { state, failure, chosen, error } = cause;
  const change = { failure, ...(state === undefined ? {} : { state }) };
  return withOrg(dataSource, org, async (em) => {
    const { affected } = await em.update(ConnectSessionEntity, { id, orgId: org, state: In(OPEN_STATES) }, change);
    await recordAudit(em, {
      type: 'connection.authorization_failed',
      org,
      actor: chosen === true && user !== null ? { kind: 'user', id: user } : SERVICE,
      agent: agent ?? undefined,
      user: user ?? undefined,
      provider,
      reason: `${failure} (${id})`,
      errorCode: error?.code,
      providerStatus: error?.details.providerStatus,
    });
    return affected === 1;
  });
}
