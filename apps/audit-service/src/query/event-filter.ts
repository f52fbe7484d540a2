import {
  auditEventTypes,
  executionStates,
  idSchema,
  KeywardError,
  parseOrThrow,
  userIdSchema,
  writtenToolNameSchema,
} from '@keyward/contracts';
import { z } from 'zod';

const LIMIT = { default: 100, max: 1000 } as const;
const time = z.iso.datetime({ offset: true }).max(40);

export const eventQuerySchema = z.strictObject({
  organization: idSchema('org').optional(),
  agent: idSchema('agt').optional(),
  user: userIdSchema.optional(),
  tool: writtenToolNameSchema.optional(),
  state: z.enum(executionStates).optional(),
  type: z.enum(auditEventTypes).optional(),
  traceId: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'must be 32 lower-case hex digits')
    .optional(),
  from: time.optional(),
  to: time.optional(),
  cursor: z.string().max(1024).optional(),
  limit: z.coerce.number({ error: 'must be a number' }).int().min(1).max(LIMIT.max).default(LIMIT.default),
});

/** Everything an event must be to be answered; `from` is inclusive, `to` exclusive. */
export type EventFilter = Omit<z.infer<typeof eventQuerySchema>, 'cursor' | 'limit'>;

export interface EventQuery {
  filter: EventFilter;
  cursor: string | undefined;
  /** 1 to 1000 events. */
  limit: number;
}

/** @throws KeywardError `invalid_request`, also for a parameter that is unknown or given twice */
export function parseEventQuery(query: unknown): EventQuery {
  const { cursor, limit, ...filter } = parseOrThrow(eventQuerySchema, query, 'query');
  refuseEmptyRange(filter);
  return { filter, cursor, limit };
}

/** @throws KeywardError `invalid_request` */
export function refuseEmptyRange({ from, to }: { from?: string | undefined; to?: string | undefined }): void {
  if (from !== undefined && to !== undefined && Date.parse(from) > Date.parse(to))
    throw new KeywardError('invalid_request', 'The time in "from" is after the one in "to".');
}
