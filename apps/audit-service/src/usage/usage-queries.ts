import { amountOf, type UsageDimension, type UsageGroup, type UsagePage } from '@keyward/contracts';
import { asDatabaseError } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { cursorAfter, type UsageQuery } from './usage-query.js';
import { selectUsage, type UsageRow } from './usage-sql.js';

/** What was used, from the sums by day. */
export class UsageQueries {
  constructor(
    private readonly database: DataSource,
    /** ISO 4217. */
    private readonly currency: string,
  ) {}

  /** @throws KeywardError `dependency_unavailable` */
  async find(query: UsageQuery): Promise<UsagePage> {
    const rows = await this.#read(query);
    const page = rows.slice(0, query.limit);
    const last = rows.length > query.limit ? page.at(-1) : undefined;
    return {
      groups: page.map((row) => groupOf(row, query.groupBy)),
      from: query.from,
      to: query.to,
      currency: this.currency,
      nextCursor:
        last === undefined
          ? null
          : cursorAfter(
              query.groupBy,
              query.groupBy.map((name) => last[name]),
            ),
    };
  }

  /** Without an organization the whole deployment is counted: its operator asks. */
  async #read(query: UsageQuery): Promise<UsageRow[]> {
    const { text, values } = selectUsage(query);
    try {
      return await this.database.transaction(async (em) => {
        await em.query('SET TRANSACTION READ ONLY');
        await em.query(`SELECT set_config('keyward.org', $1, true)`, [query.filter.organization ?? '*']);
        return em.query<UsageRow[]>(text, values);
      });
    } catch (thrown) {
      throw asDatabaseError(thrown);
    }
  }
}

function groupOf(row: UsageRow, groupBy: readonly UsageDimension[]): UsageGroup {
  const named = groupBy.map((name) => [name, row[name] === '' ? null : row[name]]);
  return {
    ...(Object.fromEntries(named) as Partial<Pick<UsageGroup, UsageDimension>>),
    calls: Number(row.calls),
    succeeded: Number(row.succeeded),
    failed: Number(row.failed),
    denied: Number(row.denied),
    attempts: Number(row.attempts),
    durationMs: Number(row.duration_ms),
    cost: amountOf(Number(row.cost_micros)),
  };
}
