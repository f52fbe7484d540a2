import type { ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { FullOf } from '@keyward/limits';
import type { CallQuota } from './quotas-of.js';

/** Why a request was not sent. Label of `tool_limit_refusals_total`. */
export type RefusalReason =
  'quota' | 'pause' | 'concurrency' | 'waiting_agent' | 'waiting_organization' | 'waiting' | 'circuit' | 'retry_budget';

type Titled = Pick<ProviderManifest, 'title'>;

/** When those that wait now have gone on, more or less. */
const ROOM_AFTER_MS = 1_000;

const OWNERS: Record<CallQuota['per'], string> = {
  app: 'all connections of your registration share',
  connection: 'this account has',
};

export function quotaUsedUp({ title }: Titled, { per, gate }: CallQuota, waitMs: number): KeywardError {
  const { limit, windowMs } = gate.terms;
  const quota = `${limit} ${limit === 1 ? 'request' : 'requests'} in ${windowMs / 1000} s`;
  return limited(`The quota that ${OWNERS[per]} at ${title} is used up: ${quota}.`, waitMs);
}

export function providerPaused({ title }: Titled, waitMs: number): KeywardError {
  return limited(`${title} asked for a pause in calls for this account.`, waitMs);
}

export function tooManyAtOnce({ title, limits }: Titled & Pick<ProviderManifest, 'limits'>): KeywardError {
  return limited(`${limits.max_concurrency} requests to ${title} are under way already, and none ended in time.`, ROOM_AFTER_MS);
}

const ROOMS: Record<FullOf, { reason: RefusalReason; sentence: string }> = {
  agent: { reason: 'waiting_agent', sentence: 'Too many calls of this agent wait for a provider already.' },
  organization: { reason: 'waiting_organization', sentence: 'Too many calls of this organization wait for a provider already.' },
  all: { reason: 'waiting', sentence: 'Too many calls wait for a provider already.' },
};

export function roomFull(of: FullOf): { reason: RefusalReason; error: KeywardError } {
  const { reason, sentence } = ROOMS[of];
  return { reason, error: limited(sentence, ROOM_AFTER_MS) };
}

export function circuitOpen({ title }: Titled, waitMs: number): KeywardError {
  return new KeywardError('provider_unavailable', `${title} has been failing, so nothing is sent to it for a moment.`, {
    details: { retryAfterMs: atLeastOne(waitMs) },
  });
}

/** The error of the last request, with why that was the last one. */
export function notRetried({ title }: Titled, last: KeywardError): KeywardError {
  const why = `It was not tried again, because many requests to ${title} fail at the moment.`;
  return new KeywardError(last.code, `${last.message} ${why}`, { details: last.details, cause: last });
}

function limited(sentence: string, waitMs: number): KeywardError {
  return new KeywardError('rate_limited', sentence, { details: { retryAfterMs: atLeastOne(waitMs) } });
}

function atLeastOne(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}
