import { z } from 'zod';
import { LIMIT_STYLES } from './limit-headers.js';

const LONGEST_MS = 120_000;
const ms = z.int().min(1).max(LONGEST_MS);

/** The requests that an order is about. */
const which = {
  /** What their path begins with. */
  path: z
    .string()
    .max(200)
    .regex(/^\/[^?#\s]*$/, 'begins with / and holds no query')
    .refine((path) => !path.startsWith('/sandbox'), 'is not of the management'),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).optional(),
  /** Of them, so many: the same ones for the same seed, as if by chance. */
  share: z.number().min(0).max(1).default(1),
  seed: z.int().min(0).max(1_000_000).default(0),
  /** It ends after so many were spoilt, or after so long; else when it is withdrawn. */
  count: z.int().min(1).max(1_000_000).optional(),
  forMs: z.int().min(1).max(3_600_000).optional(),
};
/** Whether the request is carried out before its answer goes wrong. */
const processed = z.boolean();
const retrySeconds = z.int().min(0).max(86_400);

/** What shall go wrong with requests of the API. */
export const orderSchema = z.discriminatedUnion('kind', [
  /** Too many requests. Says when to come again, in its style. */
  z.strictObject({
    kind: z.literal('limit'),
    ...which,
    style: z.enum(LIMIT_STYLES).default('retry-after'),
    seconds: retrySeconds.default(1),
    status: z.union([z.literal(429), z.literal(403)]).default(429),
  }),
  z.strictObject({
    kind: z.literal('fail'),
    ...which,
    status: z.int().min(500).max(599).default(503),
    retryAfterSeconds: retrySeconds.optional(),
    processed: processed.default(false),
  }),
  /** The answer comes late. */
  z.strictObject({ kind: z.literal('slow'), ...which, ms }),
  /** Half of the body and the end of the connection, half of the body and nothing more, or more than Content-Length says. */
  z.strictObject({ kind: z.literal('cut'), ...which, style: z.enum(['closed', 'stalled', 'excess']).default('closed') }),
  z.strictObject({ kind: z.literal('reset'), ...which, processed: processed.default(false) }),
  /** No answer at all until the caller hangs up, or for so long: commit-then-timeout. */
  z.strictObject({ kind: z.literal('silence'), ...which, processed: processed.default(true), ms: ms.default(LONGEST_MS) }),
  /** Nothing goes wrong; the requests are counted. */
  z.strictObject({ kind: z.literal('watch'), ...which }),
]);
export type Order = z.infer<typeof orderSchema>;
export type Disorder = Exclude<Order, { kind: 'watch' }>;
