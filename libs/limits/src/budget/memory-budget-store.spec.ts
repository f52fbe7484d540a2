import { describe } from '@jest/globals';
import { budgetStoreContract } from '../contract/budget-store-contract.js';
import { MemoryBudgetStore } from './memory-budget-store.js';

describe('budgets in memory', () => {
  const store = new MemoryBudgetStore();
  let made = 0;
  budgetStoreContract(() => ({
    store,
    set: async (key, budget) => store.set(key, budget),
    newKey: async () => ({ org: 'org', budget: `bgt_${made++}`, measure: 'calls' }),
  }));
});
