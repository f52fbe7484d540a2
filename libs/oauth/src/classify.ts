import { KeywardError } from '@keyward/contracts';
import { OAuthError, type OAuthFailure } from './errors.js';
import type { OAuthProvider } from './provider.js';
import { parseRetryAfter } from './retry-after.js';

/** `error` codes of RFC 6749 section 5.2, of RFC 6749 4.1.2.1 and RFC 8628 where token endpoints are seen to use them. */
const BY_OAUTH_ERROR: Record<string, OAuthFailure> = {
  invalid_grant: 'invalid_grant',
  invalid_client: 'invalid_client',
  unauthorized_client: 'invalid_client',
  temporarily_unavailable: 'transient',
  server_error: 'transient',
  slow_down: 'transient',
};

const TRANSIENT_STATUS = new Set([408, 425, 429]);

const SENTENCES: Record<OAuthFailure, string> = {
  transient: 'is not answering properly at the moment; nothing was lost',
  invalid_grant: 'no longer accepts this authorization',
  invalid_client: 'refuses our registration; its client id or secret is wrong or has been withdrawn',
  malformed: 'answered something that is not a valid OAuth answer',
  rejected: 'refused the request',
};

export function failureSentence(provider: OAuthProvider, failure: OAuthFailure): string {
  return `The authorization server of ${provider.name} ${SENTENCES[failure]}.`;
}

/** RFC 6749 section 5.2 allows only printable ASCII without `"` and `\` in `error`; what is longer than any known code is not one. */
const OAUTH_ERROR = /^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/;

/** A refusal, from its status and its `error` member. A 5xx is transient whatever it says: no grant is given up over a broken server. */
export function classifyRefusal(provider: OAuthProvider, status: number, headers: Headers, error: unknown): OAuthError {
  const oauthError = typeof error === 'string' && OAUTH_ERROR.test(error) ? error : undefined;
  const failure = failureOf(status, oauthError);
  const retryAfterMs = failure === 'transient' ? parseRetryAfter(headers.get('retry-after')) : undefined;
  return new OAuthError(failure, failureSentence(provider, failure), {
    // Only a refusal that says so itself is proof that the token was not touched.
    maybeRedeemed: failure === 'malformed' || (failure === 'transient' && status !== 429 && oauthError === undefined),
    providerStatus: status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(oauthError === undefined ? {} : { oauthError }),
  });
}

function failureOf(status: number, oauthError: string | undefined): OAuthFailure {
  if (status >= 500 || TRANSIENT_STATUS.has(status)) return 'transient';
  if (oauthError !== undefined) return BY_OAUTH_ERROR[oauthError] ?? 'rejected';
  return status === 401 ? 'invalid_client' : 'malformed';
}

export function malformed(provider: OAuthProvider, why: string, status?: number, cause?: unknown): OAuthError {
  return new OAuthError('malformed', `${failureSentence(provider, 'malformed').slice(0, -1)}: ${why}.`, {
    maybeRedeemed: true,
    ...(status === undefined ? {} : { providerStatus: status }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Failures that happen before a byte of the request has left. */
const NOT_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|CERT_.*|.*SELF_SIGNED.*|UNABLE_TO_.*)$/;

function wasNotSent(thrown: unknown): boolean {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth++) {
    if ('code' in error && typeof error.code === 'string' && NOT_SENT.test(error.code)) return true;
    if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(wasNotSent);
  }
  return false;
}

/** What sending, receiving or checking threw. Our own refusals (egress, configuration) stay what they are. */
export function classifyThrown(provider: OAuthProvider, thrown: unknown): Error {
  if (thrown instanceof KeywardError && OURS.has(thrown.code)) return thrown;
  if (isProtocolError(thrown)) return malformed(provider, 'it breaks the protocol', undefined, thrown);
  return new OAuthError('transient', failureSentence(provider, 'transient'), {
    maybeRedeemed: !wasNotSent(thrown),
    cause: thrown,
  });
}

const OURS = new Set(['egress_denied', 'invalid_request', 'internal']);

/** Errors of oauth4webapi carry a code `OAUTH_…`. */
function isProtocolError(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' && thrown.code.startsWith('OAUTH_');
}
