import { Counter, Gauge, type Registry } from 'prom-client';

/** `rejected`: taken by the receiver, which says that it does not keep it. `missing`: no longer in the trail when its turn came. */
const OUTCOMES = ['delivered', 'failed', 'refused', 'rejected', 'missing'] as const;
export type ForwardOutcome = (typeof OUTCOMES)[number];

export interface ForwardMetrics {
  count(destination: string, outcome: ForwardOutcome, events: number): void;
}

/** @param lags reads, when scraped, how far each destination is behind, in seconds. While it can't, the last value stays. */
export function createForwardMetrics(
  registry: Registry,
  destinations: readonly string[],
  lags: () => Promise<ReadonlyMap<string, number>>,
): ForwardMetrics {
  const forwarded = new Counter({
    name: 'audit_forwarded_total',
    help: 'Events sent to a destination of the trail, by how that ended. One that is sent again is counted again.',
    labelNames: ['destination', 'outcome'],
    registers: [registry],
  });
  for (const destination of destinations) for (const outcome of OUTCOMES) forwarded.inc({ destination, outcome }, 0);
  const lag = new Gauge({
    name: 'audit_forward_lag_seconds',
    help: 'Age of the oldest event of the trail that a destination does not have yet; 0 where it has all.',
    labelNames: ['destination'],
    registers: [registry],
    collect: async () => {
      const read = await lags().catch(() => undefined);
      for (const [destination, seconds] of read ?? []) lag.set({ destination }, Math.max(0, seconds));
    },
  });
  return { count: (destination, outcome, events) => forwarded.inc({ destination, outcome }, events) };
}
