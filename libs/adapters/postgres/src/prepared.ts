import type { QueryResultRow } from 'pg';
import type { DataSource } from 'typeorm';
import { poolOf } from './data-source.js';
import { asDatabaseError } from './database-error.js';

/** `name` is unique per text in the whole process: the server parses and plans once per connection and name. */
export interface PreparedStatement {
  name: string;
  text: string;
}

/**
 * One statement through the pool, in a transaction of its own, without the ORM: for hot reads and functions that check org themselves.
 *
 * @throws KeywardError `dependency_unavailable` where the database can't answer; other errors of the driver as they are.
 */
export async function prepared<Row extends QueryResultRow>(
  ds: DataSource,
  statement: PreparedStatement,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    const result = await poolOf(ds).query<Row>({ name: statement.name, text: statement.text, values: [...values] });
    return result.rows;
  } catch (thrown) {
    throw asDatabaseError(thrown);
  }
}
