import { auditEventTypes, idSchema } from '@keyward/contracts';
import { z } from 'zod';

export const formats = ['json', 'jsonl', 'splunk_hec'] as const;
export type WebhookFormat = (typeof formats)[number];

/** RFC 9110 section 5.6.2 (token). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** RFC 9110 section 5.5, printable ASCII only. */
export const HEADER_VALUE = /^[\t\x20-\x7e]{1,4096}$/;
/** What the message itself is made of, and what only its connection may say. */
const OURS =
  /^(content-.*|transfer-encoding|host|connection|keep-alive|te|trailer|upgrade|expect|webhook-.*|user-agent|proxy-.*)$/i;

const path = z.string().min(1, 'must be the path of a file');

const headerSchema = z.union(
  [
    z.string().regex(HEADER_VALUE, 'must be printable text'),
    z.strictObject({ file: path, prefix: z.string().regex(HEADER_VALUE, 'must be printable text').optional() }),
  ],
  { error: 'must be a text, or {file: <path>} with an optional prefix' },
);
/** A text as it is, or what stands in a file, read anew for each message so that a token can be replaced while we run. */
export type HeaderSource = z.infer<typeof headerSchema>;

const urlSchema = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be a URL that starts with https:// or http://',
  )
  .refine((text) => !URL.canParse(text) || new URL(text).username + new URL(text).password === '', {
    message: 'must not hold a user or a password; put them into a header',
  })
  .refine((text) => !text.includes('#'), 'must not have a fragment');

const members = {
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1 to 63 of a-z 0-9 _ -, starting with a letter or digit'),
  url: urlSchema,
  organizations: z.array(idSchema('org')).min(1, 'must name an organization, or be left out').optional(),
  types: z
    .array(z.enum(auditEventTypes, { error: 'must be a type of audit events' }))
    .min(1, 'must name a type, or be left out')
    .optional(),
  headers: z
    .record(
      z
        .string()
        .regex(HEADER_NAME, 'is not the name of a header')
        .refine((name) => !OURS.test(name), 'is a header that is not yours to set'),
      headerSchema,
    )
    .default({}),
  caFile: path.optional(),
  from: z.enum(['now', 'beginning'], { error: 'must be now or beginning' }).default('now'),
  batch: z.int().min(1).max(1000).default(100),
  timeoutSeconds: z.number().min(1).max(30).default(15),
};

export const destinationSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('webhook'),
      ...members,
      format: z.enum(formats, { error: `must be one of ${formats.join(', ')}` }).default('json'),
      secretFile: path.optional(),
    }),
    z.strictObject({ kind: z.literal('otlp_logs'), ...members }),
  ],
  { error: 'must have a kind: webhook or otlp_logs' },
);

/** Where the trail is forwarded to, as the operator wrote it down. */
export type Destination = z.infer<typeof destinationSchema>;
export type WebhookDestination = Extract<Destination, { kind: 'webhook' }>;
