import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest } from '@keyward/connectors';
import { OAuthError, rejectionReason, renewalOf, type InterruptedRenewal } from '@keyward/oauth';
import { LaneClosed, LeaseTooShort } from '../lanes/refusals.js';
import { backoffMs, type BackoffBounds } from './backoff.js';

/** Label of `credential_refresh_total`: a closed set. */
export type RefreshOutcome =
  | 'refreshed'
  | 'superseded'
  | 'disconnected'
  | 'transient'
  | 'circuit_open'
  | 'paused'
  | 'postponed'
  | 'invalid_grant'
  | 'answer_lost'
  | 'invalid_client'
  | 'malformed'
  | 'rejected'
  | 'internal';

/**
 * Whether a refresh token may be spent without our having its successor. `none`: surely not. `open`: perhaps, and it can be sent again, or
 * asked about, later. `lost`: perhaps, and it is not sent again.
 */
export type Doubt = 'none' | 'open' | 'lost';

export interface FailedAttempt {
  /** Undefined: nothing failed here, but an earlier request was never answered. */
  error: unknown;
  doubt: Doubt;
  provider: ProviderManifest;
  accessExpiresInMs: number | null;
  /** Attempts that failed in a row before this one. */
  failures: number;
  /** Of its registration in a row before this one; null where it has none. */
  rejections: number | null;
  accessRejected: boolean;
}

export interface Keep {
  do: 'keep';
  outcome: RefreshOutcome;
  retryInMs: number;
  maybeRedeemed: boolean;
  /** Whether it is one of the failures in a row: nothing is asked of the provider before its time then, whoever wants it. */
  counts: boolean;
  error: KeywardError;
}

/** Our registration is refused, and with it everything under it: no connection is to blame. */
export interface RejectApp {
  do: 'reject_app';
  reason: string;
  retryInMs: number;
  maybeRedeemed: boolean;
  /** It may be this connection alone that the provider means: said again, it is. */
  ofConnection: boolean;
  error: KeywardError;
}

/** `keep` leaves the connection as it is and tries again; `reauthorize` gives the refresh token up. */
export type Decision = Keep | RejectApp | { do: 'reauthorize'; outcome: RefreshOutcome; reason: string };

const TRANSIENT_BACKOFF: BackoffBounds = { baseMs: 1000, maxMs: 60_000 };
/** For what only a person can mend: our registration, our manifest, a provider that breaks the protocol. */
const STUBBORN_BACKOFF: BackoffBounds = { baseMs: 30_000, maxMs: 900_000 };
const POSTPONED_BACKOFF: BackoffBounds = { baseMs: 500, maxMs: 1000 };
/** Those that wait for the same lane come back over this time after it is open again, or a quarter of what they waited. */
const LANE_SPREAD_MS = 60_000;

const REASON_REFUSED = 'The provider no longer accepts the refresh token.';
const REASON_NOT_GRANTED = 'The provider no longer grants new access tokens for this connection.';
const REASON_NOT_EXTENDED = 'The provider refuses the access token, and with it the way to the next one.';
const REASON_LOST = 'The answer to a refresh was lost, so the refresh token may be used up; it was not sent again.';

/** The provider extends no token that is younger; nothing was sent. */
export class TooYoung extends KeywardError {
  constructor(readonly forMs: number) {
    super('provider_unavailable', 'The provider extends this token only when it is older; it stays in service until then.');
  }
}

/** A request that was never answered may still be on its way; until it is not, nothing can be learned about its token. */
export class Unsettled extends KeywardError {
  constructor(
    readonly forMs: number,
    cause?: unknown,
  ) {
    const options = cause === undefined ? {} : { cause };
    super('provider_unavailable', 'The provider has not answered a refresh; it will be asked what became of it.', options);
  }
}

/** Something that nobody foresaw, after the request had left: nothing is known of its answer. */
export class BrokenOff extends KeywardError {
  constructor(cause: unknown) {
    super('internal', 'The refresh failed on our side.', { cause });
  }
}

/** While the provider rejects a registration, to whoever wants a token under it. */
export function appRejected(retryAfterMs: number, cause?: unknown): KeywardError {
  return new KeywardError(
    'provider_error',
    'The provider refuses the organization’s registration there; an admin must renew it. The connection itself stays as it is.',
    { details: { retryAfterMs: Math.ceil(retryAfterMs) }, ...(cause === undefined ? {} : { cause }) },
  );
}

/** The refresh token that comes next is held: whatever stopped the steps after it, they are taken again in a while. */
export function retryInterrupted(error: InterruptedRenewal, failures: number): Keep {
  return keep(error.failure, backoffOf(error, failures), error);
}

/** What a failed attempt means for the connection. The one place where failures become states. */
export function decide(attempt: FailedAttempt): Decision {
  const { error, doubt } = attempt;
  if (error === undefined) return lostAnswer(attempt, new KeywardError('provider_unavailable', REASON_LOST));
  const decision = error instanceof OAuthError ? decideOnAnswer(attempt, error) : decideOnOurs(attempt, error);
  if (decision.do === 'reauthorize' || doubt === 'none') return decision;
  if (doubt === 'lost' && decision.do === 'keep') return lostAnswer(attempt, decision.error);
  // Soon again: how long it can be found out is for the provider to say, and may be short.
  const retryInMs = Math.min(decision.retryInMs, mayBeSpent(error) ? backoffMs(attempt.failures, TRANSIENT_BACKOFF) : Infinity);
  return { ...decision, retryInMs, maybeRedeemed: true };
}

function decideOnAnswer(attempt: FailedAttempt, error: OAuthError): Decision {
  const { provider, failures, rejections, accessRejected } = attempt;
  const renewal = renewalOf(provider);
  if (error.failure === 'invalid_grant') {
    const reason = renewal === 'refresh_token' ? REASON_REFUSED : REASON_NOT_GRANTED;
    return { do: 'reauthorize', outcome: 'invalid_grant', reason };
  }
  // A bare 401 says nothing of the registration: some servers answer so to one refresh token that they do not know.
  // `unauthorized_client` may be said of one grant, made with an earlier client id: who hears it again while others are served is alone with it.
  const ofConnection = error.oauthError === 'unauthorized_client';
  const blamesApp = error.failure === 'invalid_client' && error.oauthError !== undefined && !(ofConnection && failures > 0);
  if (blamesApp && rejections !== null) return rejectApp(error, rejections, ofConnection);
  // The token that was refused is the one to be extended: whatever the words, there is no way on.
  if (renewal === 'exchange' && accessRejected && error.failure !== 'transient') return notExtended;
  return keep(error.failure, backoffOf(error, failures), error);
}

function decideOnOurs({ failures, accessRejected }: FailedAttempt, error: unknown): Decision {
  if (error instanceof LaneClosed) {
    const spread = Math.random() * Math.min(LANE_SPREAD_MS, error.retryInMs / 4);
    return keep(error.why, error.retryInMs + spread, error);
  }
  if (error instanceof LeaseTooShort) {
    return { ...keep('postponed', error.retryInMs + backoffMs(0, POSTPONED_BACKOFF), error), counts: false };
  }
  if (error instanceof Unsettled) return keep('postponed', error.forMs + backoffMs(0, POSTPONED_BACKOFF), error);
  if (error instanceof TooYoung) return accessRejected ? notExtended : keep('postponed', error.forMs, error);
  if (error instanceof KeywardError && error.code === 'dependency_unavailable') {
    return keep('transient', backoffMs(failures, TRANSIENT_BACKOFF), error);
  }
  const ours =
    error instanceof KeywardError ? error : new KeywardError('internal', 'The refresh failed on our side.', { cause: error });
  return keep('internal', backoffMs(failures, STUBBORN_BACKOFF), ours);
}

const notExtended: Decision = { do: 'reauthorize', outcome: 'invalid_grant', reason: REASON_NOT_EXTENDED };

/**
 * Whether the provider may have redeemed the token without our seeing the answer. A server that says itself that it failed (500, 503)
 * has not; a gateway that could not reach it, or got no answer in time, does not know (RFC 9110 sections 15.6.3 and 15.6.5).
 */
export function mayBeSpent(error: unknown): boolean {
  if (error instanceof BrokenOff) return true;
  if (!(error instanceof OAuthError)) return false;
  const status = error.details.providerStatus;
  if (error.failure !== 'transient' || status === undefined) return error.maybeRedeemed;
  return error.maybeRedeemed && (status === 502 || status === 504 || status >= 520);
}

/** The access token outlives the doubt: it stays in service to its end, and only then is the person asked again. */
function lostAnswer({ accessExpiresInMs, accessRejected }: FailedAttempt, error: KeywardError): Decision {
  const stillValid = !accessRejected && accessExpiresInMs !== null && accessExpiresInMs > 0;
  if (!stillValid) return { do: 'reauthorize', outcome: 'answer_lost', reason: REASON_LOST };
  return { ...keep('answer_lost', accessExpiresInMs, error), maybeRedeemed: true };
}

function rejectApp(error: OAuthError, rejections: number, ofConnection: boolean): RejectApp {
  const retryInMs = backoffMs(rejections, STUBBORN_BACKOFF);
  return {
    do: 'reject_app',
    reason: rejectionReason(error),
    retryInMs,
    maybeRedeemed: false,
    ofConnection,
    error: appRejected(retryInMs, error),
  };
}

function backoffOf(error: OAuthError, failures: number): number {
  if (error.failure !== 'transient') return backoffMs(failures, STUBBORN_BACKOFF);
  return Math.max(backoffMs(failures, TRANSIENT_BACKOFF), error.retryAfterMs ?? 0);
}

function keep(outcome: RefreshOutcome, retryInMs: number, error: KeywardError): Keep {
  return { do: 'keep', outcome, retryInMs, maybeRedeemed: false, counts: true, error };
}
