import { byLabel, type ConnectorLabel } from '@keyward/connectors';
import type { BreakerState } from '@keyward/limits';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { LimitMetrics } from './executor-limits.js';

/** Of what a call and its requests take, waiting included. */
export const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface WatchedLimits {
  readonly waiting: number;
  breakers(): Map<string, BreakerState>;
}

export function limitMetrics(
  registry: Registry,
  labelOf: ConnectorLabel,
): { limits: LimitMetrics; watchLimits(limits: WatchedLimits): void } {
  const registers = [registry];
  const waits = new Histogram({
    name: 'rate_limit_wait_seconds',
    help: 'Time that requests waited for a quota, the end of a pause or a place among those under way',
    labelNames: ['provider', 'reason'],
    buckets: SECONDS,
    registers,
  });
  const refusals = new Counter({
    name: 'tool_limit_refusals_total',
    help: 'Requests that were not sent, or not sent again, for a limit that could not be kept in time',
    labelNames: ['provider', 'reason'],
    registers,
  });
  return {
    limits: {
      waited: ({ provider, reason }, seconds) => waits.observe({ provider: labelOf(provider), reason }, seconds),
      refused: ({ provider, reason }) => refusals.inc({ provider: labelOf(provider), reason }),
    },
    watchLimits: (limits) => {
      new Gauge({
        name: 'tool_calls_waiting',
        help: 'Calls that wait for a limit of their provider',
        registers,
        collect() {
          this.set(limits.waiting);
        },
      });
      new Gauge({
        name: 'circuit_breaker_state',
        help: '0 closed, 1 half open, 2 open; the worst of the servers of a provider',
        labelNames: ['provider'],
        registers,
        collect() {
          this.reset();
          for (const [provider, state] of byLabel(limits.breakers(), labelOf, Math.max)) this.set({ provider }, state);
        },
      });
    },
  };
}
