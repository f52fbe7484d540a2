import { DataSource } from 'typeorm';
import { Backbone0001 } from './0001-backbone.js';
import { ProviderRevocation0002 } from './0002-provider-revocation.js';
import { RefreshIntent0003 } from './0003-refresh-intent.js';
import { ExpiringCredentials0004 } from './0004-expiring-credentials.js';
import { OpenForCall0005 } from './0005-open-for-call.js';

/** A connection of the owner's with all migrations, in their order. Released ones are never changed; a new one is added at the end. */
export function migrationSource(url: string): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    applicationName: 'keyward-migrate',
    poolSize: 1,
    installExtensions: false,
    migrations: [Backbone0001, ProviderRevocation0002, RefreshIntent0003, ExpiringCredentials0004, OpenForCall0005],
    migrationsTableName: 'keyward_migration',
    migrationsTransactionMode: 'each',
    // The default one writes a failure to standard output as well, whoever calls.
    logger: 'debug',
  });
}
