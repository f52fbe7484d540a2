import type { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { createDataSource, poolOf, type DataSourceSettings } from './data-source.js';
import { databaseHealth } from './health.js';
import { observePool } from './pool-metrics.js';

/** What opening the database needs of the service that does it. */
export interface DatabaseOwner {
  readonly name: string;
  readonly logger: { warn(fields: object, message: string): void };
  readonly metrics: Registry;
  addReadiness(name: string, check: () => Promise<void>): void;
  waitFor<T>(dependency: string, attempt: () => Promise<T>): Promise<T>;
}

/** The database of a service: waited for at start, part of its readiness, named after it in `pg_stat_activity`. Closing is the owner's. */
export async function openDatabase(
  owner: DatabaseOwner,
  settings: Pick<DataSourceSettings, 'url' | 'poolSize' | 'statementTimeoutMs'>,
): Promise<DataSource> {
  const database = createDataSource({
    ...settings,
    applicationName: owner.name,
    onIdleError: (error) => owner.logger.warn({ err: error }, 'an idle database connection broke'),
  });
  await owner.waitFor('PostgreSQL', () => database.initialize());
  observePool(owner.metrics, poolOf(database));
  owner.addReadiness('PostgreSQL', () => databaseHealth(database));
  return database;
}
