import { asDatabaseError } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

/**
 * Runs `work` unless another replica runs what has the same name. The lock is the connection's: it ends with whatever ends that, and
 * then two may run for a moment, so the work must bear it.
 *
 * @returns whether it was run
 * @throws KeywardError `dependency_unavailable`; what the work throws
 */
export async function exclusively(database: DataSource, name: string, work: () => Promise<void>): Promise<boolean> {
  const runner = database.createQueryRunner();
  try {
    const [row] = (await runner.query('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked', [name])) as [
      { locked: boolean },
    ];
    if (!row.locked) return false;
    try {
      await work();
    } finally {
      await runner.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]);
    }
    return true;
  } catch (thrown) {
    throw asDatabaseError(thrown);
  } finally {
    await runner.release();
  }
}
