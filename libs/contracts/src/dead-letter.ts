import { z } from 'zod';
import { errorCodes } from './errors.js';

/** Stream DEAD_LETTERS: a message that no retry will help, whole, with why it was given up. */
export const deadLetterSchema = z.object({
  stream: z.string(),
  subject: z.string(),
  sequence: z.int(),
  deliveries: z.int(),
  code: z.enum(errorCodes),
  /** A public sentence; the cause is in the log under the same trace id. */
  reason: z.string(),
  failedAt: z.iso.datetime(),
  headers: z.record(z.string(), z.array(z.string())),
  /** The message's bytes, base64. Messages carry no credential, so neither does this. */
  data: z.string(),
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;
