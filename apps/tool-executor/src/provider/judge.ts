import type { ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { EgressError, EgressResponse } from '@keyward/egress';
import { errorBody } from './output.js';
import { isRateLimited, limitedForMs } from './rate-limit.js';
import { retryAfterMs, timeOfAnswer } from './retry-after.js';

/** What one request came to. */
export type Attempt = { response: EgressResponse } | { error: EgressError };

/** Label of `tool_retries_total`. */
export type RetryReason = 'rate_limited' | 'server_error' | 'network' | 'unauthorized';

/**
 * What is known of the call after a request: it changed nothing at the provider, or the provider has answered it one way or the
 * other, or neither can be said.
 */
export type Effect = 'none' | 'settled' | 'unknown';

export type Verdict = { effect: Effect } & (
  | { kind: 'answer'; response: EgressResponse }
  | { kind: 'unauthorized'; error: KeywardError }
  | { kind: 'insufficient_scope'; missing: readonly string[] }
  | { kind: 'again'; reason: RetryReason; retryAfterMs: number | undefined; error: KeywardError }
  | { kind: 'final'; error: KeywardError }
);

/** What makes it harmless to send a request twice. */
export interface Repetition {
  /** Nothing that counts is left by the second one: a read, or a write that is declared so. */
  readonly repeatable: boolean;
  /** The provider recognises a repetition by its idempotency key. */
  readonly idempotent: boolean;
}

type Limits = Pick<ProviderManifest['limits'], 'rate'>;

function mayRepeat({ repeatable, idempotent }: Repetition): boolean {
  return repeatable || idempotent;
}

/**
 * Decides what one request came to. Repeated is what failed for a passing reason and either surely was not carried out or may be
 * carried out twice.
 */
export function judge(request: Repetition, limits: Limits, attempt: Attempt): Verdict {
  return 'error' in attempt ? judgeFailure(request, attempt.error) : judgeResponse(request, limits, attempt.response);
}

function judgeFailure(request: Repetition, error: EgressError): Verdict {
  const effect = error.requestMayHaveBeenProcessed ? 'unknown' : 'none';
  const again = error.code === 'provider_unavailable' && (effect === 'none' || mayRepeat(request));
  return again ? { kind: 'again', reason: 'network', retryAfterMs: undefined, error, effect } : { kind: 'final', error, effect };
}

function judgeResponse(request: Repetition, { rate }: Limits, response: EgressResponse): Verdict {
  const { status, headers } = response;
  if (status >= 200 && status < 300) return { kind: 'answer', response, effect: 'settled' };
  if (isRateLimited(rate, response)) {
    const wait = limitedForMs(rate, response, timeOfAnswer(response));
    return { kind: 'again', reason: 'rate_limited', retryAfterMs: wait, error: rateLimited(response, wait), effect: 'none' };
  }
  if (status === 401) return { kind: 'unauthorized', error: providerError(response), effect: 'none' };
  const missing = status === 403 ? scopesAskedFor(headers['www-authenticate']) : undefined;
  if (missing !== undefined) return { kind: 'insufficient_scope', missing, effect: 'none' };
  const error = providerError(response);
  // 501: the server does not know how (RFC 9110 section 15.6.2), now or later.
  if ((status < 500 && status !== 408) || status === 501) return { kind: 'final', error, effect: 'settled' };
  if (!mayRepeat(request)) return { kind: 'final', error, effect: 'unknown' };
  const wait = retryAfterMs(headers['retry-after'], timeOfAnswer(response));
  return { kind: 'again', reason: 'server_error', retryAfterMs: wait, error, effect: 'unknown' };
}

function providerError(response: EgressResponse): KeywardError {
  return new KeywardError('provider_error', `The provider answered with status ${response.status}.`, {
    details: { providerStatus: response.status, providerBody: errorBody(response) },
  });
}

function rateLimited({ status }: EgressResponse, wait: number | undefined): KeywardError {
  return new KeywardError('rate_limited', 'The provider limits how often it may be called.', {
    details: { providerStatus: status, ...(wait === undefined ? {} : { retryAfterMs: wait }) },
  });
}

/** RFC 6750 section 3.1: `error="insufficient_scope"`, perhaps with the scopes that are needed. Undefined for any other challenge. */
function scopesAskedFor(challenge: string | undefined): readonly string[] | undefined {
  if (challenge === undefined || !/error="?insufficient_scope"?/.test(challenge)) return undefined;
  const scope = /scope="([\x20-\x7e]{0,2048}?)"/.exec(challenge)?.[1] ?? '';
  return scope
    .split(' ')
    .filter((name) => /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(name))
    .slice(0, 50);
}
