import { createLogin, migrate } from '@keyward/postgres';
import type { TaskOptions } from '@keyward/service-host';
import { migrateConfig } from './config.js';

/**
 * As the database's owner: the schema, then the logins, if any are given. Both may be repeated: what is there already stays, passwords are
 * set anew. An older image of the services goes on working on the newer schema.
 */
export function migrateTask(): TaskOptions<typeof migrateConfig> {
  return {
    name: 'migrate',
    config: migrateConfig,
    run: async ({ config, logger }) => {
      await migrate(config.database.url, (message) => logger.info(message));
      for (const settings of config.logins) {
        await createLogin(config.database.url, settings);
        logger.info({ role: settings.service, login: settings.login }, 'the login of this service can sign in');
      }
    },
  };
}
