import { Counter, Gauge, type Registry } from 'prom-client';

/** Why a day is still there. */
const KEPT = ['hold', 'late_events', 'busy'] as const;
export type Kept = (typeof KEPT)[number];

export interface RetentionMetrics {
  dropped(): void;
  failed(): void;
  /** Days of the last round, by what keeps them. */
  kept(days: Record<Kept, number>): void;
}

export function createRetentionMetrics(registry: Registry): RetentionMetrics {
  const dropped = new Counter({
    name: 'audit_retention_dropped_total',
    help: 'Days of the trail that were dropped because their retention had ended.',
    registers: [registry],
  });
  const failures = new Counter({
    name: 'audit_retention_failures_total',
    help: 'Rounds of retention that could not be ended.',
    registers: [registry],
  });
  const kept = new Gauge({
    name: 'audit_retention_kept_days',
    help: 'Days of the trail whose retention has ended and that are still there, by what keeps them.',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const reason of KEPT) kept.set({ reason }, 0);
  return {
    dropped: () => dropped.inc(),
    failed: () => failures.inc(),
    kept: (days) => {
      for (const reason of KEPT) kept.set({ reason }, days[reason]);
    },
  };
}
