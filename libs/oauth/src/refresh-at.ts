import type { ProviderManifest } from '@keyward/connectors';

export interface RefreshPolicy {
  provider: ProviderManifest;
  /** When the request for the token was made. */
  obtainedAt: Date;
  /** Null: the server does not say. */
  expiresAt: Date | null;
  /** Without a refresh token there is nothing to do ahead of time. */
  refreshable: boolean;
  /** [0, 1); default Math.random. */
  random?: () => number;
}

/** The margin grows by up to this share of itself, so that credentials stored together are not refreshed together. */
const JITTER_SHARE = 0.25;
/** A refreshable token of unknown lifetime is not one that lives for ever. */
const UNKNOWN_LIFETIME_MS = 3_600_000;

/**
 * When to refresh ahead of expiry; null: never. The margin is a share of the lifetime, so that a token of two minutes and one of two
 * months are both refreshed once per life and with time to try again.
 */
export function refreshAt(policy: RefreshPolicy): Date | null {
  if (!policy.refreshable) return null;
  const random = policy.random ?? Math.random;
  const obtainedAt = policy.obtainedAt.getTime();
  const lifetimeMs = policy.expiresAt === null ? UNKNOWN_LIFETIME_MS : Math.max(0, policy.expiresAt.getTime() - obtainedAt);
  const marginMs = Math.min(lifetimeMs, lifetimeMs * policy.provider.refresh.margin * (1 + JITTER_SHARE * random()));
  // A token that is too young can not be extended yet; one that ends before it is old enough, never.
  const earliestMs = Math.min(lifetimeMs, policy.provider.refresh.minimum_age_seconds * 1000);
  return new Date(obtainedAt + Math.max(lifetimeMs - marginMs, earliestMs));
}
