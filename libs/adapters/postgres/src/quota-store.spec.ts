import { describeQuotaStore } from '@keyward/limits/contract';
import { testPostgres } from '@keyward/testing';
import { migratedDatabase } from '../test/database.js';
import { createDataSource } from './data-source.js';
import { createQuotaStore } from './quota-store.js';

describeQuotaStore('PostgreSQL', async () => {
  const database = await migratedDatabase(await testPostgres());
  const url = await database.urlOf('executor');
  const open = () => createDataSource({ url, applicationName: 'replica', poolSize: 4 }).initialize();
  const [one, two, three] = await Promise.all([open(), open(), open()]);
  return {
    stores: [createQuotaStore(one), createQuotaStore(two), createQuotaStore(three)],
    stop: async () => {
      for (const replica of [one, two, three]) await replica.destroy();
      await database.stop();
    },
  };
});
