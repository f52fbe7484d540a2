import { asDatabaseError } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';

/**
 * Runs `work` in one transaction in which only this organization's rows exist; undefined: every organization's, for the operator and for
 * what the service does by itself.
 *
 * @throws KeywardError `dependency_unavailable` where the database can't answer; whatever `work` throws as it is. Both roll back.
 */
export async function inTrail<T>(
  database: DataSource,
  organization: string | undefined,
  work: (em: EntityManager) => Promise<T>,
): Promise<T> {
  try {
    return await database.transaction(async (em) => {
      await em.query(`SELECT set_config('keyward.org', $1, true)`, [organization ?? '*']);
      return work(em);
    });
  } catch (thrown) {
    throw asDatabaseError(thrown);
  }
}

/** As inTrail, but all questions of `work` see one moment, and nothing can be changed. */
export async function readTrail<T>(
  database: DataSource,
  organization: string | undefined,
  work: (em: EntityManager) => Promise<T>,
): Promise<T> {
  try {
    return await database.transaction('REPEATABLE READ', async (em) => {
      await em.query('SET TRANSACTION READ ONLY');
      await em.query(`SELECT set_config('keyward.org', $1, true)`, [organization ?? '*']);
      return work(em);
    });
  } catch (thrown) {
    throw asDatabaseError(thrown);
  }
}
