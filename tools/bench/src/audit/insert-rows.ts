import { performance } from 'node:perf_hooks';
import type { DataSource } from 'typeorm';

/** As audit-service has them: a batch is a transaction. */
const BATCH = 1_000;

const COLUMNS = [
  'org_id',
  'seq',
  'id',
  'at',
  'type',
  'trace_id',
  'agent_id',
  'user_id',
  'tool',
  'state',
  'body',
  'prev_hash',
  'hash',
];
const TYPES = 'text bigint text timestamptz text text text text text text jsonb bytea bytea'.split(' ');

/** One array for each column: on this server some faster than as many places in VALUES. */
const INSERT = `INSERT INTO bench.event (${COLUMNS.join(', ')})
  SELECT * FROM unnest(${TYPES.map((type, column) => `$${column + 1}::${type}[]`).join(', ')})`;

/** As text, so that nothing is converted on the way; bytes in the way that the server reads them. */
const SELECT = `SELECT ${COLUMNS.map((name) => `${name}::text`).join(', ')} FROM audit.event WHERE org_id = ANY ($1) ORDER BY id`;

export interface InsertOptions {
  /** Whose rows. */
  organizations: readonly string[];
  /** Share of the rows that are not counted. */
  countedFrom: number;
  /** Each takes the next batch when its last is in. */
  connections: number;
}

/**
 * The rows of these organizations' trails, in batches, into a table that has the same columns, indexes and days as the trail.
 * @returns rows per second
 */
export async function insertRows(
  database: DataSource,
  { organizations, countedFrom, connections }: InsertOptions,
): Promise<number> {
  const rows = await database.query<Record<string, string>[]>(SELECT, [organizations]);
  const batches: unknown[][] = [];
  for (let from = 0; from < rows.length; from += BATCH) {
    const batch = rows.slice(from, from + BATCH);
    batches.push(COLUMNS.map((name) => batch.map((row) => row[name])));
  }
  await makeTable(
    database,
    rows.map((row) => row['at']?.slice(0, 10) ?? ''),
  );
  try {
    const warmUp = Math.floor(batches.length * countedFrom);
    await insertAll(database, batches.slice(0, warmUp), connections);
    const began = performance.now();
    await insertAll(database, batches.slice(warmUp), connections);
    return (rows.length - warmUp * BATCH) / ((performance.now() - began) / 1000);
  } finally {
    await database.query('DROP SCHEMA bench CASCADE');
  }
}

async function makeTable(database: DataSource, days: readonly string[]): Promise<void> {
  await database.query('CREATE SCHEMA bench');
  await database.query('CREATE TABLE bench.event (LIKE audit.event INCLUDING ALL) PARTITION BY RANGE (at)');
  for (const day of new Set(days)) {
    const name = `bench."event_${day}"`;
    await database.query(`CREATE TABLE ${name} (LIKE audit.event INCLUDING ALL)`);
    await database.query(
      `ALTER TABLE bench.event ATTACH PARTITION ${name} FOR VALUES FROM ('${day}T00:00:00Z') TO (timestamptz '${day}T00:00:00Z' + interval '1 day')`,
    );
  }
}

async function insertAll(database: DataSource, batches: readonly unknown[][], connections: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) await database.query(INSERT, batch);
  };
  await Promise.all(Array.from({ length: connections }, lane));
}
