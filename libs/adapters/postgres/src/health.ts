import { KeywardError } from '@keyward/contracts';
import type { DataSource } from 'typeorm';
import { prepared } from './prepared.js';

/**
 * Resolves where the database answers.
 *
 * @throws KeywardError `dependency_unavailable`.
 */
export async function databaseHealth(ds: DataSource): Promise<void> {
  if (!ds.isInitialized) throw new KeywardError('dependency_unavailable', 'The database has not been reached yet.');
  await prepared(ds, { name: 'keyward_health', text: 'SELECT 1' }, []);
}
