import type { Tool } from '@keyward/connectors';
import { asKeywardError, KeywardError } from '@keyward/contracts';
import { BudgetGate, type BudgetKey, type BudgetStore, type TakenShare, type Taking } from '@keyward/limits';
import type { KnownBudget } from '@keyward/postgres';
import type { Call } from '../execute/call.js';
import type { BudgetMetrics } from './metrics.js';

/** A budget with the gates of its limits. */
interface Held {
  readonly budget: KnownBudget;
  readonly calls: BudgetGate | undefined;
  readonly cost: BudgetGate | undefined;
}

/** What a call takes of one limit. */
interface Place {
  readonly budget: KnownBudget;
  readonly measure: BudgetKey['measure'];
  readonly gate: BudgetGate;
  readonly units: number;
}

export interface BudgetsOptions {
  store: BudgetStore;
  metrics: BudgetMetrics;
  /** A limit that only warns could not be counted. */
  onUncounted(error: unknown): void;
}

/** Executions that were sent and come again, by their id: what they took stays taken. Those that are forgotten are counted twice. */
const MOST_KEPT = 10_000;
const LIMITS: Record<BudgetKey['measure'], string> = {
  calls: 'as many calls were made as it allows',
  cost: 'the call would cost more than is left of it',
};

/**
 * What organizations allow themselves. Before a call is made it takes its place in every budget that it counts in: one of its calls, and
 * what its tool costs. What sends nothing gives both back.
 */
export class Budgets {
  /** By organization; one without budgets is not in it. */
  #held: ReadonlyMap<string, readonly Held[]> = new Map();
  readonly #taken = new WeakMap<Call, TakenShare[]>();
  readonly #kept = new Map<string, TakenShare[]>();

  constructor(private readonly options: BudgetsOptions) {}

  /**
   * Undefined where nobody has to be asked: there are no budgets, or shares of all of them are at hand. A call that was interrupted was
   * counted when it began.
   *
   * @throws KeywardError `budget_exceeded` with the budget, its period and when that begins anew; `dependency_unavailable` where a budget
   * that stops can not be looked up
   */
  claim(call: Call, tool: Tool): Promise<void> | undefined {
    const held = this.#held.get(call.request.org);
    if (held === undefined || call.isInterrupted) return undefined;
    const places = placesOf(held, call, tool);
    const taken = this.#keptOf(call) ?? [];
    this.#taken.set(call, taken);
    return taken.length > 0 ? undefined : this.#take(places, 0, taken);
  }

  /** The call has come to its end, which is recorded. */
  settle(call: Call): void {
    const taken = this.#taken.get(call);
    this.#taken.delete(call);
    if (taken !== undefined && !call.isCharged) for (const share of taken) share.gate.putBack(share);
  }

  /** Of a call that has not come to its end its message comes again: what was sent is not counted anew then. */
  keep(call: Call): void {
    const taken = this.#taken.get(call);
    if (taken === undefined || !call.isCharged) return this.settle(call);
    this.#taken.delete(call);
    this.#kept.set(call.request.id, taken);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Replaces what is known of the budgets of one organization, or with null of all. */
  know(org: string | null, budgets: readonly KnownBudget[]): void {
    const before = new Map([...this.#held.values()].flat().map((held) => [held.budget.id, held]));
    const after = new Map(org === null ? [] : this.#held);
    if (org !== null) after.delete(org);
    for (const [owner, theirs] of Map.groupBy(budgets, (budget) => budget.org)) {
      after.set(
        owner,
        theirs.map((budget) => this.#hold(budget, before.get(budget.id))),
      );
    }
    this.#held = after;
    const kept = new Set([...after.values()].flat().flatMap(gatesOf));
    for (const gate of [...before.values()].flatMap(gatesOf)) if (!kept.has(gate)) void gate.close();
  }

  /** Gives back what nobody used. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#held.values()]
        .flat()
        .flatMap(gatesOf)
        .map((gate) => gate.close()),
    );
  }

  #keptOf(call: Call): TakenShare[] | undefined {
    if (!call.hasHistory) return undefined;
    const kept = this.#kept.get(call.request.id);
    this.#kept.delete(call.request.id);
    return kept;
  }

  /** One after the other, without waiting as long as shares are at hand. */
  #take(places: readonly Place[], from: number, taken: TakenShare[]): Promise<void> | undefined {
    for (const [index, place] of places.entries()) {
      if (index < from) continue;
      const taking = place.gate.take(place.units);
      if (taking instanceof Promise) return this.#takeLater(places, index, place, taking, taken);
      this.#enter(place, taking, taken);
    }
    return undefined;
  }

  async #takeLater(
    places: readonly Place[],
    index: number,
    place: Place,
    asked: Promise<Taking>,
    taken: TakenShare[],
  ): Promise<void> {
    this.#enter(place, await asked.catch((error: unknown) => this.#away(place, error)), taken);
    await this.#take(places, index + 1, taken);
  }

  #enter({ budget, measure }: Place, taking: Taking, taken: TakenShare[]): void {
    if (taking === 'unlimited') return;
    if ('gate' in taking) return void taken.push(taking);
    const { name, period } = budget;
    const { resetsAt } = taking;
    this.options.metrics.refused();
    const sentence = `The budget "${name}" is used up: ${LIMITS[measure]} per ${period}. It begins anew at ${resetsAt}.`;
    throw new KeywardError('budget_exceeded', sentence, { details: { budget: name, period, resetsAt } });
  }

  /** Without knowing what is left nothing is sent that might be over it. */
  #away({ budget }: Place, error: unknown): Taking {
    if (budget.onExceeded === 'warn') {
      this.options.onUncounted(error);
      return 'unlimited';
    }
    const { code } = asKeywardError(error);
    if (code !== 'dependency_unavailable') throw error;
    const sentence = `What is left of the budget "${budget.name}" could not be looked up, so the call was not made.`;
    throw new KeywardError(code, sentence, { cause: error });
  }

  #hold(budget: KnownBudget, before: Held | undefined): Held {
    const gate = (measure: BudgetKey['measure']) => {
      if (!budget[measure]) return undefined;
      const key = { org: budget.org, budget: budget.id, measure };
      const { store, metrics } = this.options;
      before?.[measure]?.forget();
      return before?.[measure] ?? new BudgetGate({ store, key, onTold: (told) => metrics.told(told, budget.onExceeded) });
    };
    return { budget, calls: gate('calls'), cost: gate('cost') };
  }
}

function placesOf(held: readonly Held[], call: Call, tool: Tool): Place[] {
  const places: Place[] = [];
  for (const { budget, calls, cost } of held) {
    if (!isCounted(budget, call, tool)) continue;
    if (calls !== undefined) places.push({ budget, measure: 'calls', gate: calls, units: 1 });
    if (cost !== undefined) places.push({ budget, measure: 'cost', gate: cost, units: tool.costMicros ?? 0 });
  }
  return places;
}

/** A unified tool counts under its own name and under that of the tool behind it. */
function isCounted({ agent, user, connector, tool: named }: KnownBudget, { request }: Call, tool: Tool): boolean {
  return (
    (agent === null || agent === request.agent) &&
    (user === null || user === request.user) &&
    (connector === null || connector === tool.provider.name) &&
    (named === null || named === request.tool || named === tool.name)
  );
}

function gatesOf({ calls, cost }: Held): BudgetGate[] {
  return [calls, cost].filter((gate) => gate !== undefined);
}
