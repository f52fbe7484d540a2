import { verifyAgentKey, type AgentKeyRow } from '@keyward/postgres';
import type { VerifiedCredential } from './credential-cache.js';

/** @param now wall clock, milliseconds */
export async function checkAgentKey(
  lookup: (keyId: string) => Promise<AgentKeyRow | undefined>,
  bearer: string,
  now: () => number = Date.now,
): Promise<VerifiedCredential | undefined> {
  const verified = await verifyAgentKey(lookup, bearer);
  if (verified === undefined) return undefined;
  const { org, agent, key, expiresAt } = verified;
  return { principal: { org, agent, key }, endsInMs: expiresAt === null ? Infinity : expiresAt.getTime() - now() };
}
