import type { ProviderManifest } from '@keyward/connectors';
import { renewalOf } from '@keyward/oauth';

export interface Unanswered {
  /** Resolved. */
  provider: ProviderManifest;
  /** Since the first request of this generation was begun whose answer is not known. */
  sentMsAgo: number;
  /** How long a token request may take. */
  timeoutMs: number;
  /** After so long a request is no longer on its way. */
  settledAfterMs: number;
  /** Asks the provider whether the refresh token can still be redeemed. @throws what says that nothing is known */
  probe: () => Promise<boolean>;
}

/** `send`: once more, and whether the token may still be spent then. `wait`: it can not be known yet. `lost`: it is not sent again. */
export type Recovery = { do: 'send'; maybeSpent: boolean } | { do: 'wait'; ms: number } | { do: 'lost' };

/**
 * What to do about a token request that was never answered, as the provider declares. RFC 9700 section 4.14.2: a rotated token that comes again
 * ends the grant, so what may be spent is sent again only where the provider says that it may be.
 */
export async function recover(unanswered: Unanswered): Promise<Recovery> {
  const { provider, sentMsAgo, timeoutMs, settledAfterMs, probe } = unanswered;
  if (!isSpentByUse(provider)) return { do: 'send', maybeSpent: false };
  if (isInGrace(provider, sentMsAgo, timeoutMs)) return { do: 'send', maybeSpent: true };
  if (provider.refresh.recovery_probe === undefined) return { do: 'lost' };
  // A request that the server has not come to yet would be told active, and be a repetition when it does. The last one was sent in the grace.
  const settledMs = graceMs(provider) + settledAfterMs;
  if (sentMsAgo < settledMs) return { do: 'wait', ms: settledMs - sentMsAgo };
  return (await probe()) ? { do: 'send', maybeSpent: false } : { do: 'lost' };
}

/** Whether what the next token is had with may be spent by having it once. What a grant is made again with is not. */
export function isSpentByUse(provider: ProviderManifest): boolean {
  return renewalOf(provider) === 'refresh_token' && provider.refresh.rotates;
}

/** Whether a rotated token that is sent now arrives while the provider still takes it. */
export function isInGrace(provider: ProviderManifest, sentMsAgo: number, timeoutMs: number): boolean {
  return sentMsAgo + timeoutMs < graceMs(provider);
}

/** Whether there will be a way to find out, without the person, what has become of the token. */
export function canBeKnown(provider: ProviderManifest, sentMsAgo: number, timeoutMs: number): boolean {
  return provider.refresh.recovery_probe !== undefined || isInGrace(provider, sentMsAgo, timeoutMs);
}

function graceMs({ refresh }: ProviderManifest): number {
  return refresh.reuse_grace_seconds * 1000;
}
