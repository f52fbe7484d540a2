import { z } from 'zod';
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
  /** RFC 3339; past it nobody waits. */
  deadline: z.iso.datetime(),
});
export type RefreshRequest = z.infer<typeof refreshRequestSchema>;

export const refreshReplySchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('refreshed'), generation: z.int() }),
  z.object({ outcome: z.literal('failed'), error: problemSchema }),
]);
export type RefreshReply = z.infer<typeof refreshReplySchema>;
