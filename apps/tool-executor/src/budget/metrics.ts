import type { BudgetAction } from '@keyward/contracts';
import type { Share } from '@keyward/limits';
import { Counter, type Registry } from 'prom-client';

export interface BudgetMetrics {
  /** A call was not made. */
  refused(): void;
  /** What was told of a limit. */
  told(told: Share['told'], onExceeded: BudgetAction): void;
}

export function createBudgetMetrics(registry: Registry): BudgetMetrics {
  const registers = [registry];
  const exceeded = new Counter({ name: 'budget_exceeded_total', help: 'Calls that a budget did not allow', registers });
  const warned = new Counter({
    name: 'budget_warned_total',
    help: 'Warnings of budgets: a share of a limit was reached, or a limit passed that stops nothing',
    registers,
  });
  return {
    refused: () => exceeded.inc(),
    told: (told, onExceeded) => warned.inc(told.filter((event) => event === 'warned' || onExceeded === 'warn').length),
  };
}
