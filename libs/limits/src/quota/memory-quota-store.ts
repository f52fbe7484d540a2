import { Ledger } from './ledger.js';
import type { QuotaStore } from './quota-store.js';

/** Quotas of this process alone, or of those that share this object: the fake beside the port, and what a test leases from. */
export function createMemoryQuotaStore(now: () => number = () => Math.floor(performance.now())): QuotaStore {
  const ledgers = new Map<string, Ledger>();
  const ledgerOf = (key: string): Ledger => {
    const ledger = ledgers.get(key) ?? new Ledger();
    ledgers.set(key, ledger);
    return ledger;
  };
  return {
    lease: async (key, terms, request) => ledgerOf(key).lease(terms, request, now()),
    giveBack: async (key, unused) => ledgerOf(key).giveBack(unused),
    learn: async (key, learned) => ledgerOf(key).learn(learned, now()),
  };
}
