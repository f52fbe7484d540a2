import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest } from '@keyward/connectors';
import { OAuthError, renewalOf, type InterruptedRenewal } from '@keyward/oauth';
import { isBrokenCircuitError } from 'cockatiel';
import { backoffMs, type BackoffBounds } from './backoff.js';
import { BREAKER_HALF_OPEN_MS } from './provider-lanes.js';

/** Label of `credential_refresh_total`: a closed set. */
export type RefreshOutcome =
  | 'refreshed'
  | 'superseded'
  | 'disconnected'
  | 'transient'
  | 'circuit_open'
  | 'postponed'
  | 'invalid_grant'
  | 'answer_lost'
  | 'invalid_client'
  | 'malformed'
  | 'rejected'
  | 'internal';

export interface FailedAttempt {
  /** Undefined: nothing failed here, but an earlier holder of the lease was not heard of again. */
  error: unknown;
  provider: ProviderManifest;
  accessExpiresAt: Date | null;
  /** Attempts that failed in a row before this one. */
  failures: number;
  accessRejected: boolean;
  now: Date;
}

export interface Keep {
  do: 'keep';
  outcome: RefreshOutcome;
  retryAt: Date;
  maybeRedeemed: boolean;
  error: KeywardError;
}

/** `keep` leaves the connection as it is and tries again; `reauthorize` gives the refresh token up. */
export type Decision = Keep | { do: 'reauthorize'; outcome: RefreshOutcome; reason: string };

const TRANSIENT_BACKOFF: BackoffBounds = { baseMs: 1000, maxMs: 60_000 };
/** For what only a person can mend: our registration, our manifest, a provider that breaks the protocol. */
const STUBBORN_BACKOFF: BackoffBounds = { baseMs: 30_000, maxMs: 900_000 };
const POSTPONED_BACKOFF: BackoffBounds = { baseMs: 500, maxMs: 1000 };

const REASON_REFUSED = 'The provider no longer accepts the refresh token.';
const REASON_NOT_GRANTED = 'The provider no longer grants new access tokens for this connection.';
const REASON_NOT_EXTENDED = 'The provider refuses the access token, and with it the way to the next one.';
const REASON_LOST = 'The answer to a refresh was lost, so the refresh token may be used up; it was not sent again.';

/** The lease had too little time left to redeem and store under it; nothing was sent. */
export class LeaseTooShort extends KeywardError {
  constructor() {
    super('provider_unavailable', 'The refresh waited too long for its turn; it will be tried again.');
  }
}

/** The provider extends no token that is younger; nothing was sent. */
export class TooYoung extends KeywardError {
  constructor(readonly until: Date) {
    super('provider_unavailable', 'The provider extends this token only when it is older; it stays in service until then.');
  }
}

/** The refresh token that comes next is held: whatever stopped the steps after it, they are taken again in a while. */
export function retryInterrupted(error: InterruptedRenewal, failures: number, now: Date): Keep {
  return keep(error.failure, backoffOf(error, failures), now, error);
}

/** Whether what the next token is had with may be spent by having it once. What a grant is made again with is not. */
export function isSpentByUse(provider: ProviderManifest): boolean {
  return provider.refresh.rotates && renewalOf(provider) === 'refresh_token';
}

/** What a failed attempt means for the connection. The one place where failures become states. */
export function decide(attempt: FailedAttempt): Decision {
  const { error, provider, failures, now } = attempt;
  if (error === undefined) return lostAnswer(attempt, new KeywardError('provider_unavailable', REASON_LOST));
  if (error instanceof OAuthError) {
    const renewal = renewalOf(provider);
    if (error.failure === 'invalid_grant') {
      const reason = renewal === 'refresh_token' ? REASON_REFUSED : REASON_NOT_GRANTED;
      return { do: 'reauthorize', outcome: 'invalid_grant', reason };
    }
    // The token that was refused is the one to be extended: whatever the words, there is no way on.
    if (renewal === 'exchange' && attempt.accessRejected && error.failure !== 'transient') return notExtended;
    // RFC 9700 section 4.14.2: a rotated token that comes again ends the family. What may be spent is not sent again.
    if (mayBeSpent(error) && isSpentByUse(provider)) return lostAnswer(attempt, error);
    return keep(error.failure, backoffOf(error, failures), now, error);
  }
  if (isBrokenCircuitError(error)) {
    const open = new KeywardError('provider_unavailable', `The authorization server of ${provider.title} keeps failing.`, {
      cause: error,
      details: { retryAfterMs: BREAKER_HALF_OPEN_MS },
    });
    return keep('circuit_open', BREAKER_HALF_OPEN_MS * (1 + Math.random() / 2), now, open);
  }
  if (error instanceof TooYoung) {
    if (attempt.accessRejected) return notExtended;
    return { do: 'keep', outcome: 'postponed', retryAt: error.until, maybeRedeemed: false, error };
  }
  if (error instanceof LeaseTooShort) return keep('postponed', backoffMs(0, POSTPONED_BACKOFF), now, error);
  if (error instanceof KeywardError && error.code === 'dependency_unavailable') {
    return keep('transient', backoffMs(failures, TRANSIENT_BACKOFF), now, error);
  }
  const ours =
    error instanceof KeywardError ? error : new KeywardError('internal', 'The refresh failed on our side.', { cause: error });
  return keep('internal', backoffMs(failures, STUBBORN_BACKOFF), now, ours);
}

const notExtended: Decision = { do: 'reauthorize', outcome: 'invalid_grant', reason: REASON_NOT_EXTENDED };

/**
 * Whether the provider may have redeemed the token without our seeing the answer. A server that says itself that it failed (500, 503)
 * has not; a gateway that could not reach it, or got no answer in time, does not know (RFC 9110 sections 15.6.3 and 15.6.5).
 */
export function mayBeSpent(error: OAuthError): boolean {
  const status = error.details.providerStatus;
  if (error.failure !== 'transient' || status === undefined) return error.maybeRedeemed;
  return error.maybeRedeemed && (status === 502 || status === 504 || status >= 520);
}

/** The access token outlives the doubt: it stays in service to its end, and only then is the person asked again. */
function lostAnswer({ accessExpiresAt, accessRejected, now }: FailedAttempt, error: KeywardError): Decision {
  const stillValid = !accessRejected && accessExpiresAt !== null && accessExpiresAt > now;
  if (!stillValid) return { do: 'reauthorize', outcome: 'answer_lost', reason: REASON_LOST };
  return { do: 'keep', outcome: 'answer_lost', retryAt: accessExpiresAt, maybeRedeemed: true, error };
}

function backoffOf(error: OAuthError, failures: number): number {
  if (error.failure !== 'transient') return backoffMs(failures, STUBBORN_BACKOFF);
  return Math.max(backoffMs(failures, TRANSIENT_BACKOFF), error.retryAfterMs ?? 0);
}

function keep(outcome: RefreshOutcome, pauseMs: number, now: Date, error: KeywardError): Keep {
  return { do: 'keep', outcome, retryAt: new Date(now.getTime() + pauseMs), maybeRedeemed: false, error };
}
