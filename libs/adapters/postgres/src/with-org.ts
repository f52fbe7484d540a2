import { KeywardError } from '@keyward/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { asDatabaseError } from './database-error.js';

/** Never the `*` that audit-service reads across organizations with, see the migration's row-level security. */
const ORG = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Runs `work` in one transaction in which only this organization's rows exist.
 *
 * @throws KeywardError `dependency_unavailable` where the database can't answer; whatever `work` throws as it is. Both roll back.
 */
export async function withOrg<T>(ds: DataSource, org: string, work: (em: EntityManager) => Promise<T>): Promise<T> {
  if (!ORG.test(org)) throw new KeywardError('invalid_request', 'The organization id is not valid.');
  try {
    return await ds.transaction(async (em) => {
      await em.query(`SELECT set_config('keyward.org', $1, true)`, [org]);
      return work(em);
    });
  } catch (thrown) {
    throw asDatabaseError(thrown);
  }
}
