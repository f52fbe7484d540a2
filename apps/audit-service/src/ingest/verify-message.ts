import { canonicalJson, parseAuditEvent } from '@keyward/audit';
import { KeywardError, parseBoundedJson, subjects, type AuditEventType } from '@keyward/contracts';
import type { BatchMessage } from '@keyward/jetstream';
import { usageOf, type CallUsage } from '../usage/usage-of.js';

const DAY_MS = 86_400_000;
/** Outside of these a clock is wrong, and every day named would get a partition of its own. */
const MAX_AGE_MS = 366 * DAY_MS;
const MAX_AHEAD_MS = DAY_MS;
/** An event has at most 100 scopes of 256 characters; a message of this size is none. */
const BOUNDS = { maxBytes: 256 * 1024, maxDepth: 8 };

/** An event that may be stored: what is needed to place it, and its text as it is hashed and stored. Many are held at a time. */
export interface VerifiedEvent {
  id: string;
  org: string;
  /** RFC 3339 UTC with milliseconds. */
  at: string;
  type: AuditEventType;
  canonical: string;
  /** Of an event that is the end of a call. */
  usage: CallUsage | undefined;
}

/**
 * @throws KeywardError with a permanent code for a message that no retry makes an event. The organization is the subject's: who may
 * publish where is what the server checks.
 */
export function verifyMessage({ subject, data }: Pick<BatchMessage, 'subject' | 'data'>, now: Date): VerifiedEvent {
  const event = parseAuditEvent(parseBoundedJson(data, BOUNDS));
  const { id, org, at, type } = event;
  if (subject !== subjects.audit(org)) {
    throw new KeywardError('invalid_request', 'The audit event names another organization than the subject it came on.');
  }
  const age = now.getTime() - Date.parse(at);
  if (age > MAX_AGE_MS || age < -MAX_AHEAD_MS) {
    throw new KeywardError('invalid_request', 'The audit event happened too long ago, or in the future.');
  }
  return { id, org, at, type, canonical: canonicalJson(event), usage: usageOf(event) };
}
