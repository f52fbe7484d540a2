import { MigrationExecutor, type DataSource, type QueryRunner } from 'typeorm';
import { asDatabaseError } from './database-error.js';
import { migrationSource } from './migrations/source.js';

export type MigrationProgress = (message: string) => void;

/** Any constant; what matters is that nothing else in this database uses it. */
const LOCK_KEY = 4_170_227_001;

/**
 * Brings the database to the newest schema. Repeating it does nothing; of two at once, the second waits for the first.
 *
 * @param url of the database's owner, who needs no superuser rights but must be allowed to create roles, see `Backbone0001`.
 * @throws KeywardError `dependency_unavailable` where the database can't be reached; a migration that fails is undone, those before it stay.
 */
export async function migrate(url: string, onProgress: MigrationProgress = () => undefined): Promise<void> {
  const ds = migrationSource(url);
  try {
    await ds.initialize();
    const runner = ds.createQueryRunner();
    try {
      await lock(runner, onProgress);
      await applyPending(ds, runner, onProgress);
    } finally {
      // The lock belongs to the session, so it ends with the connection, whatever happened.
      await runner.release();
    }
  } catch (thrown) {
    throw asDatabaseError(thrown);
  } finally {
    if (ds.isInitialized) await ds.destroy();
  }
}

async function lock(runner: QueryRunner, onProgress: MigrationProgress): Promise<void> {
  const [row] = (await runner.query('SELECT pg_try_advisory_lock($1) AS locked', [LOCK_KEY])) as [{ locked: boolean }];
  if (row.locked) return;
  onProgress('another migration is running, waiting for it');
  await runner.query('SELECT pg_advisory_lock($1)', [LOCK_KEY]);
}

async function applyPending(ds: DataSource, runner: QueryRunner, onProgress: MigrationProgress): Promise<void> {
  const executor = new MigrationExecutor(ds, runner);
  executor.transaction = 'each';
  const pending = await executor.getPendingMigrations();
  for (const migration of pending) onProgress(`applying ${migration.name}`);
  await executor.executePendingMigrations();
  onProgress(pending.length === 0 ? 'the schema is up to date' : `${pending.length} migration(s) applied`);
}
