import type { UsageDimension } from '@keyward/contracts';
import type { SqlQuery } from '../query/event-sql.js';
import type { UsageFilter, UsageQuery } from './usage-query.js';

const COLUMNS: Record<UsageDimension, string> = {
  organization: 'org_id',
  day: 'day',
  agent: 'agent_id',
  user: 'user_id',
  connector: 'connector',
  tool: 'tool',
  state: 'state',
};

/** Sums are numeric, which the driver gives as text. */
const SUMS = `
  sum(calls) AS calls, coalesce(sum(calls) FILTER (WHERE state = 'succeeded'), 0) AS succeeded,
  coalesce(sum(calls) FILTER (WHERE state = 'failed'), 0) AS failed, coalesce(sum(calls) FILTER (WHERE state = 'denied'), 0) AS denied,
  sum(attempts) AS attempts, sum(duration_ms) AS duration_ms, sum(cost_micros) AS cost_micros`;

/** Its dimensions, by their names, and the sums. */
export type UsageRow = Record<UsageDimension, string> &
  Record<'calls' | 'succeeded' | 'failed' | 'denied' | 'attempts' | 'duration_ms' | 'cost_micros', string>;

/** One group more than the page has, to know whether there is another page. */
export function selectUsage({ filter, groupBy, from, to, after, limit }: UsageQuery): SqlQuery {
  const values: unknown[] = [];
  const place = (value: unknown): string => `$${values.push(value)}`;
  const where = [`day BETWEEN ${place(from)}::date AND ${place(to)}::date`];
  for (const [name, value] of Object.entries(filter) as [keyof UsageFilter, string | undefined][]) {
    if (value !== undefined) where.push(`${COLUMNS[name]} = ${place(value)}`);
  }
  const columns = groupBy.map((name) => COLUMNS[name]);
  if (after !== undefined) {
    const places = after.map((value, index) => `${place(value)}::${groupBy[index] === 'day' ? 'date' : 'text'}`);
    where.push(`(${columns.join(', ')}) > (${places.join(', ')})`);
  }
  const named = groupBy.map((name) => (name === 'day' ? `to_char(day, 'YYYY-MM-DD') AS day` : `${COLUMNS[name]} AS "${name}"`));
  return {
    text: `SELECT ${named.join(', ')}, ${SUMS} FROM audit.usage_rollup WHERE ${where.join(' AND ')}
      GROUP BY ${columns.map((column) => `usage_rollup.${column}`).join(', ')}
      ORDER BY ${columns.map((column) => `usage_rollup.${column}`).join(', ')} LIMIT ${place(limit + 1)}`,
    values,
  };
}
