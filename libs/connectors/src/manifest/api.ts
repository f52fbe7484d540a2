import { z } from 'zod';
import { pointerSchema, templateSchema } from './template.js';
import { headerNameSchema } from './url-rules.js';

const PRINTABLE = /^[\x20-\x7e]*$/;

/** Where a request carries the secret. `${secret}` is it; `${connection.…}` may stand beside it. */
export const credentialSchema = z.discriminatedUnion('in', [
  z.strictObject({
    in: z.literal('header'),
    name: headerNameSchema.default('authorization'),
    prefix: z
      .string()
      .regex(/^[\x20-\x7e]{0,32}$/, 'must be printable ASCII')
      .default('Bearer '),
  }),
  z.strictObject({ in: z.literal('query'), name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/) }),
  z.strictObject({
    in: z.literal('basic'),
    template: z
      .string()
      .max(300)
      .regex(PRINTABLE)
      .regex(/\$\{secret\}/, 'must hold ${secret}')
      .default('${secret}')
      .describe('What is encoded (RFC 7617), such as ${connection.email}/token:${secret}'),
  }),
  z.strictObject({
    in: z.literal('body'),
    name: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/)
      .describe('Member of the JSON body'),
  }),
]);

const when = z.strictObject({
  status: z.int().min(400).max(599),
  header: z.record(headerNameSchema, z.string().max(200)).default({}),
  body: z.record(pointerSchema, z.union([z.string(), z.number(), z.boolean()])).default({}),
});

/** What the provider says of its limits, where it is not `429` with `Retry-After`. */
const rateSchema = z.strictObject({
  limited_when: z.array(when).max(10).default([]).describe('Answers that mean "too many requests" besides 429'),
  limit: z
    .array(headerNameSchema)
    .max(5)
    .default([])
    .describe('Headers that tell the whole of a window, in the order of `remaining`'),
  remaining: z
    .array(headerNameSchema)
    .max(5)
    .default([])
    .describe('Headers that count down to 0; with several windows, one each'),
  reset: z
    .array(
      z.strictObject({
        header: headerNameSchema,
        format: z.enum(['seconds', 'milliseconds', 'epoch_seconds', 'epoch_milliseconds', 'date_time', 'http_date']),
      }),
    )
    .max(5)
    .default([])
    .describe('When it goes on, in the order of `remaining`'),
});

export const bucketNameSchema = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be 1 to 32 of a-z 0-9 _');

/** So many requests in so many seconds, as the provider states them. */
const quotaSchema = z.strictObject({
  bucket: bucketNameSchema.default('default').describe('What tools name under limits.bucket'),
  per: z.enum(['app', 'connection']).describe('Whether all connections of a registration share it'),
  requests: z.int().min(1).max(10_000_000),
  seconds: z
    .int()
    .min(1)
    .max(31 * 86_400),
});

export const limitsSchema = z.strictObject({
  max_response_bytes: z
    .int()
    .min(1024)
    .max(64 * 1_048_576)
    .default(1_048_576)
    .describe('Of a decoded answer; a larger one is response_too_large'),
  max_attempts: z.int().min(1).max(10).default(5).describe('Requests at most per step of an execution, retries included'),
  max_concurrency: z.int().min(1).max(1000).default(64).describe('Requests at a time per origin and process'),
  quotas: z.array(quotaSchema).max(20).default([]),
  rate: rateSchema.prefault({}),
});

/** A request that changes nothing and shows whether a connection works. */
export const probeSchema = z.strictObject({
  method: z.enum(['GET', 'POST']).default('GET'),
  path: z.string().max(512).regex(/^\//, 'must begin with /').describe('Appended to base_url'),
  headers: z.record(headerNameSchema, templateSchema).default({}),
  body: z.json().optional(),
  account: z
    .strictObject({ id: pointerSchema.optional(), name: pointerSchema.optional() })
    .default({})
    .describe('Where the answer says whose account it is'),
  failure: z
    .strictObject({ at: pointerSchema, equals: z.union([z.string(), z.number(), z.boolean()]) })
    .optional()
    .describe('A status of 200 is a failure all the same where the value there is this'),
});

/** Where a fact was read, and when. */
export const sourceSchema = z.strictObject({
  page: z.url({ protocol: /^https$/ }).max(500),
  checked: z.iso.date(),
  seen: z
    .enum(['vendor', 'secondary', 'unverified'])
    .default('vendor')
    .describe(
      'vendor: read on that page, or in another text of the vendor’s; secondary: in working public code or a guide of others; unverified: the page is where it should be, and nobody has compared yet',
    ),
  covers: z.array(pointerSchema).min(1).max(50).describe('JSON Pointers into this manifest; each with all that is below it'),
});
