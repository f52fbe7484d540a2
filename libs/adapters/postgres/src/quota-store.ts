import { stepOf, type QuotaStore } from '@keyward/limits';
import type { DataSource } from 'typeorm';
import { prepared } from './prepared.js';

const LEASE = {
  name: 'execution.lease_quota',
  text: 'SELECT lease_id, granted, units_left, wait_ms FROM execution.lease_quota($1, $2, $3, $4, $5, $6, $7)',
};
const GIVE_BACK = { name: 'execution.give_back_quota', text: 'SELECT execution.give_back_quota($1, $2, $3)' };
const LEARN = { name: 'execution.learn_quota', text: 'SELECT execution.learn_quota($1, $2, $3)' };

interface LeaseRow {
  lease_id: number;
  granted: number;
  units_left: number;
  wait_ms: number;
}

/** The quotas of all replicas that share this database, one statement each time. Needs the rights of `keyward_executor`. */
export function createQuotaStore(ds: DataSource): QuotaStore {
  return {
    async lease(key, terms, { least, most, lifeMs }) {
      const values = [key, terms.limit, terms.windowMs, stepOf(terms), least, most, lifeMs];
      const [row] = await prepared<LeaseRow & Record<string, unknown>>(ds, LEASE, values);
      if (row === undefined) throw new TypeError('the function answers one row');
      return { id: row.lease_id, granted: row.granted, left: row.units_left, waitMs: row.wait_ms };
    },
    giveBack: async (key, { id, units }) => void (await prepared(ds, GIVE_BACK, [key, id, units])),
    learn: async (key, { remaining, resetMs }) => void (await prepared(ds, LEARN, [key, remaining, resetMs])),
  };
}
