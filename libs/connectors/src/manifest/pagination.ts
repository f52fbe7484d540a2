import { z } from 'zod';
import { pointerSchema } from './template.js';

/** Where a cursor, a page's number or a size goes. */
const into = z.union([
  z.strictObject({ query: z.string().min(1).max(128) }),
  z.strictObject({ body: pointerSchema.min(1) }),
  z.strictObject({ variable: z.string().regex(/^[_A-Za-z][_0-9A-Za-z]{0,127}$/, 'must be a GraphQL name') }),
]);
export type Into = z.infer<typeof into>;

const common = {
  items: pointerSchema.describe('Where the list stands; the empty text is the whole body'),
  size: z
    .strictObject({
      into: into.describe('Where the size of a page is asked for'),
      max: z.int().min(1).max(10_000).describe('The largest page that the provider gives'),
      default: z.int().min(1).max(1000).default(50).describe('Items wanted where the caller does not say'),
    })
    .optional(),
  more: pointerSchema.optional().describe('Where a boolean says whether there is more'),
};

const path = z
  .string()
  .max(512)
  .regex(/^\//, 'must begin with /')
  .optional()
  .describe(
    'Where the next address has another path than the request: that path below the base, `{}` for a segment that varies. The tool’s own parameters do not go there',
  );

/** How the pages of a listing follow each other. */
export const paginationSchema = z.discriminatedUnion('style', [
  z.strictObject({ style: z.literal('cursor'), ...common, next: pointerSchema.describe('Where the next cursor stands'), into }),
  z.strictObject({ style: z.literal('url'), ...common, next: pointerSchema.describe('Where the next address stands'), path }),
  z.strictObject({ style: z.literal('link'), ...common, path }).describe('RFC 8288: Link: <…>; rel="next"'),
  z.strictObject({ style: z.literal('page'), ...common, first: z.int().min(0).max(1).default(1), into }),
  z.strictObject({ style: z.literal('offset'), ...common, into }).describe('The number of items before'),
  z
    .strictObject({ style: z.literal('whole'), items: common.items, size: z.never().optional(), more: z.never().optional() })
    .describe('One answer has all items, of which the caller gets so many at a time'),
]);
export type Pagination = z.infer<typeof paginationSchema>;
