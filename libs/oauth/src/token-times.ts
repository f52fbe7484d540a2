import { renewalOf, type ProviderManifest } from '@keyward/connectors';

/**
 * When what becomes of a credential, in whole milliseconds from when this was computed; negative: past. Lengths of time and not moments, since
 * only the database's clock says what time it is.
 */
export interface TokenTimes {
  /** Null: nobody says how long it lives. */
  accessExpiresInMs: number | null;
  /** When the clock alone refreshes; null: never, only somebody who asks. */
  refreshInMs: number | null;
  /** The same while the connection is in use; null: there is no way to the next token without the person. */
  awakeRefreshInMs: number | null;
  /** When the renewal material ends unless it is used before; null: not known to end. */
  refreshExpiresInMs: number | null;
}

export interface TokenLife {
  provider: ProviderManifest;
  /** From when the token was asked for. Null: the server does not say. */
  lifetimeMs: number | null;
  /** As told of the refresh token, from the same moment; left out: as the manifest declares it. */
  refreshLifetimeMs?: number | undefined;
  /** Whether there is a way to the next token without the person. */
  renewable: boolean;
  /** Not used for long: refreshed only where what renews it would end otherwise. */
  asleep: boolean;
  /** Since the token was asked for, by a clock that nobody sets (`performance.now()`). */
  elapsedMs: number;
  /** [0, 1); default Math.random. */
  random?: () => number;
}

/** How far a time is moved to keep tokens that were stored together apart: at most this share of the margin, and of what comes before it. */
const JITTER_SHARE = 0.25;
/** With its jitter, a margin that is lengthened to the minimum still leaves half of a short life. */
const MOST_OF_A_SHORT_LIFE = 0.5 / (1 + JITTER_SHARE);
/** A renewable token of unknown lifetime is not one that lives for ever. */
const UNKNOWN_LIFETIME_MS = 3_600_000;
/** Early enough that some attempts may fail for days; late enough that a connection that sleeps costs next to nothing. */
const KEEP_ALIVE_FROM = 0.6;
const KEEP_ALIVE_TO = 0.8;
const DAY_MS = 86_400_000;
/** Whatever a server says of its tokens, the clock alone does not have it asked for the next one sooner. Who needs one asks. */
const SOONEST_MS = 5_000;

/** When a token ends and when it is refreshed: ahead of its end by a share of its lifetime, and never later than its refresh token lasts. */
export function tokenTimes(life: TokenLife): TokenTimes {
  const { provider, lifetimeMs, renewable, asleep, elapsedMs } = life;
  const left = (ms: number | null) => (ms === null ? null : Math.floor(ms - elapsedMs));
  const accessExpiresInMs = left(lifetimeMs);
  if (!renewable) return { accessExpiresInMs, refreshInMs: null, awakeRefreshInMs: null, refreshExpiresInMs: null };

  const jitter = (life.random ?? Math.random)();
  const assumedMs = lifetimeMs ?? UNKNOWN_LIFETIME_MS;
  const refreshLifetimeMs = lifetimeOfRefreshToken(life);
  const oldEnoughMs = oldEnough(provider, assumedMs, jitter);
  const keepAliveMs = refreshLifetimeMs === null ? Infinity : Math.max(keepAlive(refreshLifetimeMs, jitter), oldEnoughMs);
  const awakeMs = Math.min(Math.max(aheadOfExpiry(provider, assumedMs, jitter), oldEnoughMs), keepAliveMs);
  // What is extended by showing it is gone for good once it has expired.
  const sleeps = asleep && renewalOf(provider) !== 'exchange';
  const due = (ms: number) => Math.max(Math.floor(ms - elapsedMs), SOONEST_MS);
  const asleepMs = keepAliveMs === Infinity ? null : due(keepAliveMs);
  return {
    accessExpiresInMs,
    refreshInMs: sleeps ? asleepMs : due(awakeMs),
    awakeRefreshInMs: due(awakeMs),
    refreshExpiresInMs: left(refreshLifetimeMs),
  };
}

function lifetimeOfRefreshToken({ provider, refreshLifetimeMs, elapsedMs }: TokenLife): number | null {
  if (renewalOf(provider) !== 'refresh_token') return null;
  // One that has brought a token after its end does not end as was said.
  if (refreshLifetimeMs !== undefined) return (refreshLifetimeMs ?? 0) > elapsedMs ? refreshLifetimeMs : null;
  const days = provider.refresh.refresh_token_lifetime_days;
  return days === undefined ? null : days * DAY_MS;
}

/** The margin is a share of the lifetime, so that a token of two minutes and one of two months are both refreshed once per life and with time to try again. */
function aheadOfExpiry({ refresh }: ProviderManifest, lifetimeMs: number, jitter: number): number {
  const atLeastMs = Math.min(refresh.minimum_margin_seconds * 1000, lifetimeMs * MOST_OF_A_SHORT_LIFE);
  const marginMs = Math.min(Math.max(lifetimeMs * refresh.margin, atLeastMs), refresh.maximum_margin_seconds * 1000);
  // The bounds move with the jitter, or else all tokens that reach one would be refreshed at once.
  return lifetimeMs - marginMs - spread(marginMs, lifetimeMs - marginMs, jitter);
}

/** A token that is too young can not be extended yet; one that ends before it is old enough, never. */
function oldEnough({ refresh }: ProviderManifest, lifetimeMs: number, jitter: number): number {
  const ageMs = Math.min(refresh.minimum_age_seconds * 1000, lifetimeMs);
  return ageMs + spread(ageMs, lifetimeMs - ageMs, 1 - jitter);
}

function keepAlive(refreshLifetimeMs: number, jitter: number): number {
  return refreshLifetimeMs * (KEEP_ALIVE_TO - (KEEP_ALIVE_TO - KEEP_ALIVE_FROM) * jitter);
}

/** Of both sides of a time, the shorter says how far it may be moved. */
function spread(beforeMs: number, afterMs: number, jitter: number): number {
  return JITTER_SHARE * Math.min(beforeMs, afterMs) * jitter;
}
