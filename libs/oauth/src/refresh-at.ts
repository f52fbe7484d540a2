export interface RefreshPolicy {
  obtainedAt: Date;
  /** Null: the server does not say. */
  expiresAt: Date | null;
  /** Without a refresh token there is nothing to do ahead of time. */
  refreshable: boolean;
  /** [0, 1); default Math.random. Spreads credentials that were stored together. */
  random?: () => number;
}

/** Share of the lifetime that is kept as margin before expiry, and the bounds of that margin. */
const MARGIN_SHARE = 0.2;
const MARGIN_MAX_MS = 10 * 60_000;
/** The margin grows by up to this share of itself, so that credentials stored together are not refreshed together. */
const JITTER_SHARE = 0.25;
/** A refreshable token of unknown lifetime is not a token that lives for ever. */
const UNKNOWN_LIFETIME_MS = 60 * 60_000;

/** When to refresh ahead of expiry; null: never. A lifetime shorter than any fixed margin still yields one refresh per lifetime. */
export function refreshAt(policy: RefreshPolicy): Date | null {
  if (!policy.refreshable) return null;
  const random = policy.random ?? Math.random;
  const expiresAt = policy.expiresAt?.getTime() ?? policy.obtainedAt.getTime() + UNKNOWN_LIFETIME_MS;
  const lifetimeMs = Math.max(0, expiresAt - policy.obtainedAt.getTime());
  const marginMs = Math.min(lifetimeMs * MARGIN_SHARE, MARGIN_MAX_MS);
  return new Date(expiresAt - marginMs * (1 + JITTER_SHARE * random()));
}
