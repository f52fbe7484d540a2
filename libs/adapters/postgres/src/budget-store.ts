import type { BudgetAction, BudgetPeriod } from '@keyward/contracts';
import type { BudgetStore, Share } from '@keyward/limits';
import type { DataSource } from 'typeorm';
import { prepared } from './prepared.js';

const LEASE = {
  name: 'execution.lease_budget',
  text: 'SELECT granted, units_left, began_at, resets_at, ends_in_ms, told FROM execution.lease_budget($1, $2, $3, $4, $5, $6)',
};
const GIVE_BACK = { name: 'execution.give_back_budget', text: 'SELECT execution.give_back_budget($1, $2, $3, $4, $5)' };
const FIND = {
  name: 'governance.find_budgets',
  text: `SELECT id, org, name, agent, "user", tool, connector, period, calls, cost, on_exceeded AS "onExceeded" FROM governance.find_budgets($1)`,
};

interface LeaseRow {
  /** Null: there is no such limit. */
  granted: number | null;
  units_left: number;
  began_at: string;
  resets_at: string;
  ends_in_ms: number;
  told: Share['told'];
}

/** What of a budget is to be known before a call; how much is left the store knows. */
export interface KnownBudget {
  id: string;
  org: string;
  name: string;
  agent: string | null;
  user: string | null;
  tool: string | null;
  connector: string | null;
  period: BudgetPeriod;
  /** Whether calls are limited, and whether cost is. */
  calls: boolean;
  cost: boolean;
  onExceeded: BudgetAction;
}

/**
 * The budgets of all replicas that share this database, one statement each time. What is told is told in the same transaction. Needs the
 * rights of `keyward_executor`.
 * @param traceId of whoever asks: 32 hexadecimal digits
 */
export function createBudgetStore(ds: DataSource, traceId: () => string): BudgetStore {
  return {
    async lease({ org, budget, measure }, { least, most }) {
      const [row] = await prepared<LeaseRow & Record<string, unknown>>(ds, LEASE, [org, budget, measure, least, most, traceId()]);
      if (row === undefined) throw new TypeError('the function answers one row');
      if (row.granted === null) return undefined;
      const { granted, units_left: left, began_at: startsAt, resets_at: resetsAt, ends_in_ms: endsInMs, told } = row;
      return { granted, left, startsAt, resetsAt, endsInMs, told };
    },
    giveBack: async ({ org, budget, measure }, { startsAt, units }) =>
      void (await prepared(ds, GIVE_BACK, [org, budget, measure, startsAt, units])),
  };
}

/** Reads the budgets of one organization, or with null of all. Throws KeywardError `dependency_unavailable` where the database can't answer. */
export function createBudgetLoader(ds: DataSource): (org: string | null) => Promise<KnownBudget[]> {
  return (org) => prepared<KnownBudget & Record<string, unknown>>(ds, FIND, [org]);
}
