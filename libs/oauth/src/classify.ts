import { KeywardError, type ErrorCode } from '@keyward/contracts';
import { OAuthError, type OAuthFailure } from './errors.js';
import { hasServerOfConnection, type ProviderManifest } from '@keyward/connectors';
import { serverTime } from './response/server-time.js';
import { parseRetryAfter } from './retry-after.js';

/** The `error` codes of RFC 6749 section 5.2, and those of 4.1.2.1 and RFC 8628 section 3.5 that token endpoints are seen to use. */
const FAILURES = new Map<string, OAuthFailure>([
  ['invalid_grant', 'invalid_grant'],
  ['invalid_client', 'invalid_client'],
  ['unauthorized_client', 'invalid_client'],
  ['invalid_request', 'rejected'],
  ['invalid_scope', 'rejected'],
  ['unsupported_grant_type', 'rejected'],
  ['unsupported_token_type', 'rejected'],
  ['temporarily_unavailable', 'transient'],
  ['server_error', 'transient'],
  ['slow_down', 'transient'],
  ['authorization_pending', 'rejected'],
  ['access_denied', 'rejected'],
  ['expired_token', 'invalid_grant'],
]);

const TRANSIENT_STATUS = new Set([408, 425, 429]);

const SENTENCES: Record<OAuthFailure, string> = {
  transient: 'is not answering properly at the moment; nothing was lost',
  invalid_grant: 'no longer accepts this authorization',
  invalid_client: 'refuses our registration; its client id or secret is wrong or has been withdrawn',
  malformed: 'answered something that is not a valid OAuth answer',
  rejected: 'refused the request',
};

function failureSentence(provider: ProviderManifest, failure: OAuthFailure): string {
  return `The authorization server of ${provider.title} ${SENTENCES[failure]}.`;
}

/** A refusal, from its status and its `error` member. A 5xx is transient whatever it says: no grant is given up over a broken server. */
export function classifyRefusal(provider: ProviderManifest, status: number, headers: Headers, error: unknown): OAuthError {
  // Only a known code is kept: whatever else stands there is the server's text, and could be a token.
  const known = typeof error === 'string' && FAILURES.has(error) ? error : undefined;
  const failure = failureOf(status, known, error !== undefined);
  // Where a connection names the server, its tenant alone may not know the registration: nothing is said of it to all the others.
  const oauthError = failure === 'invalid_client' && hasServerOfConnection(provider) ? undefined : known;
  const retryAfterMs = failure === 'transient' ? parseRetryAfter(headers.get('retry-after'), serverTime(headers)) : undefined;
  return new OAuthError(failure, failureSentence(provider, failure), {
    // Only a refusal that says so itself is proof that the token was not touched.
    maybeRedeemed: failure === 'malformed' || (failure === 'transient' && status !== 429 && known === undefined),
    providerStatus: status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(oauthError === undefined ? {} : { oauthError }),
  });
}

function failureOf(status: number, oauthError: string | undefined, hasError: boolean): OAuthFailure {
  if (status >= 500 || TRANSIENT_STATUS.has(status)) return 'transient';
  if (oauthError !== undefined) return FAILURES.get(oauthError) ?? 'rejected';
  if (status === 401) return 'invalid_client';
  return hasError ? 'rejected' : 'malformed';
}

export function malformed(provider: ProviderManifest, why: string, status?: number, cause?: unknown): OAuthError {
  return new OAuthError('malformed', `${failureSentence(provider, 'malformed').slice(0, -1)}: ${why}.`, {
    maybeRedeemed: true,
    ...(status === undefined ? {} : { providerStatus: status }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * What sending, receiving or checking threw. Our own refusals (egress, configuration) stay what they are. The egress gate says of
 * its errors whether a byte of the request can have arrived (`requestMayHaveBeenProcessed`).
 */
export function classifyThrown(provider: ProviderManifest, thrown: unknown): Error {
  if (thrown instanceof KeywardError && OURS.has(thrown.code)) return thrown;
  if (thrown instanceof KeywardError && thrown.code === 'response_too_large')
    return malformed(provider, 'too large a body', undefined, thrown);
  if (isProtocolError(thrown)) return malformed(provider, 'it breaks the protocol', undefined, withoutValues(thrown));
  return new OAuthError('transient', failureSentence(provider, 'transient'), {
    maybeRedeemed: maybeProcessed(thrown),
    cause: thrown,
  });
}

const OURS = new Set<ErrorCode>(['egress_denied', 'invalid_request', 'internal']);

/** Errors of oauth4webapi carry a code `OAUTH_…`. */
function isProtocolError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' && thrown.code.startsWith('OAUTH_');
}

/** oauth4webapi hangs whole bodies and parameters under `cause`; what may be logged is its sentence alone. */
export function withoutValues(thrown: unknown): Error {
  return new Error(thrown instanceof Error ? thrown.message : 'thrown value that is no error');
}

function maybeProcessed(thrown: unknown): boolean {
  return !(thrown instanceof Error && 'requestMayHaveBeenProcessed' in thrown && thrown.requestMayHaveBeenProcessed === false);
}
