import type { BudgetKey, BudgetStore, Share } from './budget-store.js';

export interface MemoryBudget {
  limit: number;
  /** Stops there; else it only warns. */
  stops: boolean;
  warnAt: readonly number[];
}

/** When the period that holds `now` began, and when it ends, in ms since 1970. */
type PeriodAt = (now: number) => { startsAt: number; endsAt: number };

interface Use {
  startsAt: number;
  used: number;
  warned: number;
  exceeded: boolean;
}

/** Budgets of this process alone: the fake beside the port, and what a test leases from. The reckoning is that of execution.lease_budget. */
export class MemoryBudgetStore implements BudgetStore {
  readonly #budgets = new Map<string, MemoryBudget>();
  readonly #uses = new Map<string, Use>();

  constructor(
    private readonly periodAt: PeriodAt = () => ({ startsAt: 0, endsAt: Number.MAX_SAFE_INTEGER }),
    private readonly now: () => number = () => Date.now(),
  ) {}

  /** @param budget undefined: there is none any more */
  set(key: BudgetKey, budget: MemoryBudget | undefined): void {
    if (budget === undefined) this.#budgets.delete(nameOf(key));
    else this.#budgets.set(nameOf(key), budget);
  }

  usedOf(key: BudgetKey): number {
    return this.#useOf(key).used;
  }

  async lease(key: BudgetKey, { least, most }: { least: number; most: number }): Promise<Share | undefined> {
    const budget = this.#budgets.get(nameOf(key));
    if (budget === undefined) return undefined;
    const now = this.now();
    const { startsAt, endsAt } = this.periodAt(now);
    const use = this.#useOf(key);
    const left = Math.max(0, budget.limit - use.used);
    const refused = budget.stops && left < least;
    const granted = refused ? 0 : shareOf(budget, use, { least, most, left });
    const told = tell(budget, use, granted, refused);
    use.used += granted;
    return {
      ...{ granted, left: Math.max(0, left - granted), told, endsInMs: endsAt - now },
      ...{ startsAt: String(startsAt), resetsAt: String(endsAt) },
    };
  }

  async giveBack(key: BudgetKey, { startsAt, units }: { startsAt: string; units: number }): Promise<void> {
    const use = this.#useOf(key);
    if (String(use.startsAt) === startsAt) use.used = Math.max(0, use.used - units);
  }

  #useOf(key: BudgetKey): Use {
    const { startsAt } = this.periodAt(this.now());
    const known = this.#uses.get(nameOf(key));
    if (known?.startsAt === startsAt) return known;
    const use = { startsAt, used: 0, warned: 0, exceeded: false };
    this.#uses.set(nameOf(key), use);
    return use;
  }
}

function shareOf(
  budget: MemoryBudget,
  { used, warned, exceeded }: Use,
  { least, most, left }: { least: number; most: number; left: number },
): number {
  const bounded = budget.stops || left > 0 ? Math.min(most, Math.floor(left / 4), Math.floor(budget.limit / 20)) : most;
  const share = Math.max(least, bounded);
  const toTell = budget.warnAt.filter((ratio) => ratio > warned).map((ratio) => placeOf(ratio, budget));
  if (!budget.stops && !exceeded) toTell.push(budget.limit + 1);
  const next = Math.min(...toTell.filter((place) => place > used));
  return used + share >= next ? Math.max(least, next - 1 - used) : share;
}

function tell(budget: MemoryBudget, use: Use, granted: number, refused: boolean): Share['told'] {
  const told: Share['told'][number][] = [];
  const reached = budget.warnAt.filter((ratio) => ratio > use.warned && placeOf(ratio, budget) <= use.used + granted);
  if (granted > 0 && reached.length > 0) {
    use.warned = Math.max(...reached);
    told.push('warned');
  }
  if (!use.exceeded && (refused || (!budget.stops && use.used + granted > budget.limit))) {
    use.exceeded = true;
    told.push('exceeded');
  }
  return told;
}

function placeOf(ratio: number, { limit }: MemoryBudget): number {
  return Math.max(1, Math.ceil(ratio * limit));
}

function nameOf({ org, budget, measure }: BudgetKey): string {
  return `${org} ${budget} ${measure}`;
}
