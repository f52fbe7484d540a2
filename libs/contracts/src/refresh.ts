import { z } from 'zod';
import type { ErrorCode } from './errors.js';
import { idSchema } from './ids.js';
import { problemSchema } from './problem.js';

/**
 * Stream REFRESH: "I need a generation of this credential that is newer than `newerThan`". The asker reads the row again once the
 * answer arrives; no token is ever in either message.
 */
export const refreshRequestSchema = z.object({
  org: idSchema('org'),
  connection: idSchema('conn'),
  newerThan: z.int().nonnegative(),
  reason: z.enum(['expiring', 'rejected_by_provider']),
  /** How long the asker waits, from when it asks; a duration, because clocks differ. */
  waitMs: z.int().min(1).max(600_000),
});
export type RefreshRequest = z.infer<typeof refreshRequestSchema>;

export const refreshReplySchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('refreshed'), generation: z.int() }),
  z.object({ outcome: z.literal('failed'), error: problemSchema }),
]);
export type RefreshReply = z.infer<typeof refreshReplySchema>;

/** Failures that say nothing about the token that is there: for as long as it holds, it is worth a try. */
export const passingRefreshFailures: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'dependency_unavailable',
  'deadline_exceeded',
  'provider_unavailable',
  'provider_error',
  'rate_limited',
  'internal',
]);
