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

/** An entry of `GET /v1/dead-letters`, which answers `{deadLetters, nextCursor}`. */
export const deadLetterSummarySchema = z.object({
  /** Its place in the stream, by which it is named. */
  id: z.int().positive(),
  /** The stream whose worker gave it up. */
  stream: z.string(),
  subject: z.string(),
  /** Null where neither subject nor payload names one. */
  organization: z.string().nullable(),
  code: z.enum(errorCodes),
  reason: z.string(),
  deliveries: z.int(),
  failedAt: z.iso.datetime(),
});
export type DeadLetterSummary = z.infer<typeof deadLetterSummarySchema>;

/** `GET /v1/dead-letters/{id}` */
export const deadLetterDetailSchema = deadLetterSummarySchema.extend({
  explanation: z.object({
    /** What the message was for. */
    meant: z.string(),
    /** What happened to it, and what has not been done for want of it. */
    happened: z.string(),
    /** What replaying it does, and why it does nothing twice. */
    replay: z.string(),
  }),
  headers: z.record(z.string(), z.array(z.string())),
  /** The message, where it is JSON. */
  message: z.unknown(),
});
export type DeadLetterDetail = z.infer<typeof deadLetterDetailSchema>;

/** `POST /v1/dead-letters/{id}/replay` and `DELETE /v1/dead-letters/{id}` */
export const settledDeadLetterSchema = z.object({
  id: z.int().positive(),
  outcome: z.enum(['replayed', 'discarded']),
  stream: z.string(),
  subject: z.string(),
});
export type SettledDeadLetter = z.infer<typeof settledDeadLetterSchema>;
