import type { Failure, ProviderManifest, Tool } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { EgressError, EgressResponse } from '@keyward/egress';
import type { Verdict as Health } from '@keyward/limits';
import { errorBody } from './output.js';
import { isRateLimited, limitedForMs } from './rate-limit.js';
import { retryAfterMs, timeOfAnswer } from './retry-after.js';
import { vendorSentence } from './vendor-sentence.js';

/** What one request came to. */
export type Attempt = { response: EgressResponse } | { error: EgressError };

/** Label of `tool_retries_total`. */
export type RetryReason = 'rate_limited' | 'server_error' | 'network' | 'unauthorized';

/**
 * What is known of the call after a request: it changed nothing at the provider, or the provider has answered it one way or the
 * other, or neither can be said.
 */
export type Effect = 'none' | 'settled' | 'unknown';

export type Verdict = {
  effect: Effect;
  /** What the request says of the server. */
  health: Health;
} & (
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

/** What is declared of the tool that counts here. */
export interface Declared {
  readonly failureOf: Tool['failureOf'];
  readonly provider: { readonly limits: Pick<ProviderManifest['limits'], 'rate'> };
}

/** Who waited so long was not only impatient. */
const SILENT_MS = 10_000;

function mayRepeat({ repeatable, idempotent }: Repetition): boolean {
  return repeatable || idempotent;
}

/**
 * Decides what one request came to. Repeated is what failed for a passing reason and either surely was not carried out or may be
 * carried out twice.
 *
 * @param tookMs from sending it to its end
 */
export function judge(request: Repetition, tool: Declared, attempt: Attempt, tookMs = 0): Verdict {
  if ('error' in attempt) return judgeFailure(request, attempt.error, tookMs);
  const { response } = attempt;
  const failure = tool.failureOf(response.status, response.headers, response.body);
  return failure === undefined ? judgeResponse(request, tool, response) : judgeDeclared(request, tool, response, failure);
}

function judgeFailure(request: Repetition, error: EgressError, tookMs: number): Verdict {
  const effect = error.requestMayHaveBeenProcessed ? 'unknown' : 'none';
  const isGone = error.code === 'provider_unavailable';
  const health = isGone || (error.code === 'deadline_exceeded' && tookMs >= SILENT_MS) ? 'outage' : 'unused';
  const again = isGone && (effect === 'none' || mayRepeat(request));
  if (again) return { kind: 'again', reason: 'network', retryAfterMs: undefined, error, effect, health };
  return { kind: 'final', error, effect, health };
}

function judgeResponse(request: Repetition, { provider }: Declared, response: EgressResponse): Verdict {
  const { status, headers } = response;
  const { rate } = provider.limits;
  if (status >= 200 && status < 300) return { kind: 'answer', response, effect: 'settled', health: 'answered' };
  if (isRateLimited(rate, response)) return rateLimited(rate, response, 'The provider limits how often it may be called.');
  if (status === 401) return { kind: 'unauthorized', error: providerError(response), effect: 'none', health: 'answered' };
  const missing = status === 403 ? scopesAskedFor(headers['www-authenticate']) : undefined;
  if (missing !== undefined) return { kind: 'insufficient_scope', missing, effect: 'none', health: 'answered' };
  const error = providerError(response);
  // 501: the server does not know how (RFC 9110 section 15.6.2), now or later.
  if ((status < 500 && status !== 408) || status === 501) return { kind: 'final', error, effect: 'settled', health: 'answered' };
  return failing(request, response, error);
}

/** The connector says what such an answer means, whatever its status. */
function judgeDeclared(request: Repetition, { provider }: Declared, response: EgressResponse, { as, message }: Failure): Verdict {
  const sentence = message === null ? undefined : `The provider answered: ${vendorSentence(message)}`;
  const error = providerError(response, sentence);
  switch (as) {
    case 'rate_limited':
      return rateLimited(provider.limits.rate, response, sentence ?? 'The provider limits how often it may be called.');
    case 'unauthorized':
      return { kind: 'unauthorized', error, effect: 'none', health: 'answered' };
    case 'missing_scopes':
      return { kind: 'insufficient_scope', missing: [], effect: 'none', health: 'answered' };
    case 'provider_unavailable':
      return failing(request, response, providerError(response, sentence, 'provider_unavailable'));
    case 'provider_error':
      return { kind: 'final', error, effect: 'settled', health: 'answered' };
  }
}

function failing(request: Repetition, response: EgressResponse, error: KeywardError): Verdict {
  const [effect, health] = ['unknown', 'outage'] as const;
  if (!mayRepeat(request)) return { kind: 'final', error, effect, health };
  const wait = retryAfterMs(response.headers['retry-after'], timeOfAnswer(response));
  return { kind: 'again', reason: 'server_error', retryAfterMs: wait, error, effect, health };
}

function rateLimited(rate: Declared['provider']['limits']['rate'], response: EgressResponse, sentence: string): Verdict {
  const wait = limitedForMs(rate, response, timeOfAnswer(response));
  const details = { providerStatus: response.status, ...(wait === undefined ? {} : { retryAfterMs: Math.ceil(wait) }) };
  const error = new KeywardError('rate_limited', sentence, { details });
  return { kind: 'again', reason: 'rate_limited', retryAfterMs: wait, error, effect: 'none', health: 'answered' };
}

function providerError(
  response: EgressResponse,
  sentence = `The provider answered with status ${response.status}.`,
  code: 'provider_error' | 'provider_unavailable' = 'provider_error',
): KeywardError {
  return new KeywardError(code, sentence, {
    details: { providerStatus: response.status, providerBody: errorBody(response) },
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
