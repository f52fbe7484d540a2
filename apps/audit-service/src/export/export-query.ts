import { idSchema, parseOrThrow } from '@keyward/contracts';
import { z } from 'zod';
import { eventQuerySchema, refuseEmptyRange, type EventFilter } from '../query/event-filter.js';

export const exportQuerySchema = eventQuerySchema.omit({ cursor: true, limit: true }).extend({
  organization: idSchema('org'),
  afterSeq: z.coerce.number({ error: 'must be a number' }).int().min(1).optional(),
});

export interface ExportQuery {
  organization: string;
  /** Only records behind this one. */
  afterSeq: number | undefined;
  /** Everything that was asked for besides; undefined: every record, so that the export can be verified as a chain. */
  filter: EventFilter | undefined;
}

/** @throws KeywardError `invalid_request` */
export function parseExportQuery(query: unknown): ExportQuery {
  const { organization, afterSeq, ...filter } = parseOrThrow(exportQuerySchema, query, 'query');
  refuseEmptyRange(filter);
  return { organization, afterSeq, filter: Object.values(filter).some((value) => value !== undefined) ? filter : undefined };
}
