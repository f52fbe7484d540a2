import { authRequests, fromProblem, KeywardError, workloadReplySchema, type Problem } from '@keyward/contracts';
import type { NatsConnection } from '@nats-io/transport-node';
import { askAuthService } from '@keyward/jetstream';
import type { VerifiedCredential } from './credential-cache.js';

/** Three parts of base64url: a JWS in compact form (RFC 7515 section 7.1). No agent key has a full stop in it. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
const MAX_LENGTH = 16_384;

export function isWorkloadToken(credential: string): boolean {
  return credential.length <= MAX_LENGTH && COMPACT.test(credential);
}

/**
 * Asks auth-service whose token it is: keys of issuers are fetched there, since the gateway has no way out.
 * @throws KeywardError `dependency_unavailable`
 */
export async function checkWorkload(nc: NatsConnection, token: string): Promise<VerifiedCredential | undefined> {
  const reply = workloadReplySchema.safeParse(await askAuthService(nc, authRequests.authenticateWorkload, { token }));
  if (!reply.success) throw new KeywardError('internal', 'The answer could not be read.', { cause: reply.error });
  if (reply.data.outcome === 'failed') {
    if (reply.data.error.code === 'unauthenticated') return undefined;
    throw fromProblem(reply.data.error as Problem);
  }
  const { org, agent, expiresAt } = reply.data;
  return { principal: { org, agent }, endsInMs: Date.parse(expiresAt) - Date.now() };
}
