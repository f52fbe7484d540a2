import type { AuditEvent, AuditRecord } from '@keyward/contracts';
import type { Position } from './cursor.js';
import type { EventFilter } from './event-filter.js';

export interface EventRow {
  body: AuditEvent;
  /** bigint, which the driver gives as text. */
  seq: string;
  prev_hash: string;
  hash: string;
}

export const RECORD_COLUMNS = `body, seq, encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS hash`;

/** How each member of a filter narrows the rows; `?` is its value. */
const CONDITIONS: Record<keyof EventFilter, string> = {
  organization: 'org_id = ?',
  agent: 'agent_id = ?',
  user: 'user_id = ?',
  tool: 'tool = ?',
  state: 'state = ?',
  type: 'type = ?',
  traceId: 'trace_id = ?',
  from: 'at >= ?::timestamptz',
  to: 'at < ?::timestamptz',
};

/** The order of all pages: by time, which the partitions are made by, so that a page touches the newest few only. */
const NEWEST_FIRST = 'ORDER BY at DESC, org_id DESC, seq DESC';

export interface SqlQuery {
  text: string;
  values: unknown[];
}

export function selectEvents(filter: EventFilter, before: Position | undefined, limit: number): SqlQuery {
  const { where, place, values } = conditionsOf(filter);
  if (before !== undefined) {
    const [at, org, seq] = [place(before.at), place(before.org), place(before.seq)];
    // The first half is what an index and the choice of partitions can use.
    where.push(`at <= ${at}::timestamptz AND (at, org_id, seq) < (${at}::timestamptz, ${org}::text, ${seq}::bigint)`);
  }
  const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;
  return { text: `SELECT ${RECORD_COLUMNS} FROM audit.event ${condition} ${NEWEST_FIRST} LIMIT ${place(limit)}`, values };
}

/** Of one organization, in the order of its chain: what matches among the records after `after`, up to and with `until`. */
export function selectStretch(filter: EventFilter & { organization: string }, after: number, until: number): SqlQuery {
  const { where, place, values } = conditionsOf(filter);
  where.push(`seq > ${place(after)}::bigint AND seq <= ${place(until)}::bigint`);
  return { text: `SELECT ${RECORD_COLUMNS} FROM audit.event WHERE ${where.join(' AND ')} ORDER BY seq`, values };
}

function conditionsOf(filter: EventFilter): { where: string[]; place: (value: unknown) => string; values: unknown[] } {
  const values: unknown[] = [];
  const place = (value: unknown): string => `$${values.push(value)}`;
  const where = Object.entries(CONDITIONS)
    .map(([name, condition]) => [filter[name as keyof EventFilter], condition] as const)
    .filter(([value]) => value !== undefined)
    .map(([value, condition]) => condition.replace('?', place(value)));
  return { where, place, values };
}

export function toRecord(row: EventRow): AuditRecord {
  return { event: row.body, seq: Number(row.seq), prevHash: row.prev_hash, hash: row.hash };
}
