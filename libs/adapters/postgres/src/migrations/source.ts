import { DataSource } from 'typeorm';
import { Backbone0001 } from './0001-backbone.js';
import { Custody0002 } from './0002-custody.js';
import { Refresh0003 } from './0003-refresh.js';
import { Execution0004 } from './0004-execution.js';
import { Operations0005 } from './0005-operations.js';

/** A connection of the owner's with all migrations, in their order. Released ones are never changed; a new one is added at the end. */
export function migrationSource(url: string): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    applicationName: 'keyward-migrate',
    poolSize: 1,
    installExtensions: false,
    migrations: [Backbone0001, Custody0002, Refresh0003, Execution0004, Operations0005],
    migrationsTableName: 'keyward_migration',
    migrationsTransactionMode: 'each',
    // The default one writes a failure to standard output as well, whoever calls.
    logger: 'debug',
  });
}
