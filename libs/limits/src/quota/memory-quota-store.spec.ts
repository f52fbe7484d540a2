import { describeQuotaStore } from '../contract/quota-store-contract.js';
import { createMemoryQuotaStore } from './memory-quota-store.js';

describeQuotaStore('memory', async () => {
  const store = createMemoryQuotaStore();
  return { stores: [store, store, store], stop: async () => undefined };
});
