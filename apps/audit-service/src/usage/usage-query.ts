import {
  daySchema,
  executionStates,
  idSchema,
  KeywardError,
  parseOrThrow,
  usageDimensions,
  userIdSchema,
  type UsageDimension,
} from '@keyward/contracts';
import { z } from 'zod';

const DAY_MS = 86_400_000;
const LIMIT = { default: 100, max: 1000 } as const;
/** Days that are counted where none is named, today included. */
const DEFAULT_DAYS = 30;

const name = z.string().min(1).max(200);

export const usageQuerySchema = z.strictObject({
  organization: idSchema('org').optional(),
  groupBy: z
    .string()
    .max(100)
    .default('tool')
    .describe(`Of ${usageDimensions.join(', ')}, joined by commas; sorted by in that order`),
  from: daySchema.optional().describe('First day, UTC'),
  to: daySchema.optional().describe('Last day, UTC, included'),
  agent: idSchema('agt').optional(),
  user: userIdSchema.optional(),
  connector: name.optional(),
  tool: name.optional(),
  state: z.enum(executionStates).optional(),
  cursor: z.string().max(4096).optional(),
  limit: z.coerce.number({ error: 'must be a number' }).int().min(1).max(LIMIT.max).default(LIMIT.default),
});

/** Everything a call must be to be counted, apart from its day. */
export type UsageFilter = Pick<
  z.infer<typeof usageQuerySchema>,
  'organization' | 'agent' | 'user' | 'connector' | 'tool' | 'state'
>;

export interface UsageQuery {
  filter: UsageFilter;
  groupBy: UsageDimension[];
  /** `YYYY-MM-DD`, both included. */
  from: string;
  to: string;
  /** Of the last group of the page before, in the order of `groupBy`. */
  after: string[] | undefined;
  /** 1 to 1000 groups. */
  limit: number;
}

/** @throws KeywardError `invalid_request`, also for a parameter that is unknown or given twice */
export function parseUsageQuery(query: unknown, now: Date): UsageQuery {
  const { groupBy: dimensions, from, to, cursor, limit, ...filter } = parseOrThrow(usageQuerySchema, query, 'query');
  const groupBy = parseDimensions(dimensions);
  const last = to ?? dayOf(now.getTime());
  const first = from ?? dayOf(Date.parse(last) - (DEFAULT_DAYS - 1) * DAY_MS);
  if (first > last) throw new KeywardError('invalid_request', 'The day in "from" is after the one in "to".');
  return { filter, groupBy, from: first, to: last, after: cursor === undefined ? undefined : decode(cursor, groupBy), limit };
}

/** Opaque to callers. Needs no signature: it names a place in what the caller may read, and nothing that was not validated. */
export function cursorAfter(groupBy: readonly UsageDimension[], values: readonly string[]): string {
  return Buffer.from(JSON.stringify([groupBy, values])).toString('base64url');
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function parseDimensions(text: string): UsageDimension[] {
  const parsed = z.array(z.enum(usageDimensions)).safeParse(text.split(','));
  if (parsed.success && new Set(parsed.data).size === parsed.data.length) return parsed.data;
  const problem = parsed.success ? 'names something twice' : 'names something that usage is not counted by';
  throw new KeywardError('invalid_request', `"groupBy" ${problem}. It takes ${usageDimensions.join(', ')}, joined by commas.`);
}

const MAX_VALUE = 200;

function decode(cursor: string, groupBy: readonly UsageDimension[]): string[] {
  const wrong = new KeywardError('invalid_request', 'The cursor is not one that an earlier page of this query ended with.');
  const values = z.array(z.string().max(MAX_VALUE)).length(groupBy.length);
  try {
    const [made, after] = z.tuple([z.array(z.string()), values]).parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (made.join() !== groupBy.join() || after.some((value) => value.includes('\0'))) throw wrong;
    const day = groupBy.indexOf('day');
    if (day >= 0) daySchema.parse(after[day]);
    return after;
  } catch {
    throw wrong;
  }
}
