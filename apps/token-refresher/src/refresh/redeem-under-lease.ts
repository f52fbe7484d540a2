import type { ProviderManifest } from '@keyward/connectors';
import { OAuthError } from '@keyward/oauth';
import type { RefreshableCredential } from '@keyward/postgres-vault';
import type { Claim } from './claim.js';
import { LeaseTooShort, mayBeSpent } from './decide.js';
import type { ProviderLanes } from './provider-lanes.js';
import type { Redeemed, Redeemer } from './redeem.js';

export interface RedeemUnderLeaseParts {
  lanes: ProviderLanes;
  redeemer: Redeemer;
  redeemTimeoutMs: number;
}

/**
 * Has the next token while the lease lasts, in the provider's own queue. Sent once; once more only where the provider still takes what it
 * has just rotated.
 *
 * @throws LeaseTooShort, BrokenCircuitError, OAuthError, KeywardError
 */
export async function redeemUnderLease(
  { lanes, redeemer, redeemTimeoutMs }: RedeemUnderLeaseParts,
  claim: Claim,
  row: RefreshableCredential,
  provider: ProviderManifest,
): Promise<Redeemed> {
  // After the request there must be as much time again for storing its answer.
  const hasTime = () => claim.endsAt - performance.now() >= 2 * redeemTimeoutMs;
  const send = () =>
    lanes.run(provider, async () => {
      if (!hasTime()) throw new LeaseTooShort();
      return redeemer.redeem(row, provider, redeemTimeoutMs);
    });
  const graceEndsAt = performance.now() + provider.refresh.reuse_grace_seconds * 1000;
  try {
    return await send();
  } catch (lost) {
    const withinGrace = performance.now() + redeemTimeoutMs < graceEndsAt;
    if (!(lost instanceof OAuthError && mayBeSpent(lost) && withinGrace && hasTime())) throw lost;
    // This provider still takes the token it has just rotated, and gives the lost answer again. Only its own word on the token
    // counts then: any other failure leaves the first doubt as it was.
    return send().catch((again: unknown) => {
      throw again instanceof OAuthError && again.failure === 'invalid_grant' ? again : lost;
    });
  }
}
