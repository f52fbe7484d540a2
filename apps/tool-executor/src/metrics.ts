import type { ExecutionState } from '@keyward/contracts';
import type { VaultMetrics } from '@keyward/credentials';
import type { EgressObserver } from '@keyward/egress';
import { createVaultMetrics } from '@keyward/kms';
import type { BreakerState } from '@keyward/limits';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { LimitMetrics } from './limits/executor-limits.js';
import type { RetryReason } from './provider/judge.js';

export interface ExecutorMetrics {
  /** @param overheadSeconds what was not spent waiting for the provider */
  executed(of: { connector: string; tool: string; state: ExecutionState }, seconds: number, overheadSeconds: number): void;
  retry(provider: string, reason: RetryReason): void;
  /** A request left with a token that had expired. */
  expiredInUse(provider: string): void;
  limits: LimitMetrics;
  /** What is looked up each time the metrics are read. */
  watchLimits(limits: WatchedLimits): void;
  egress: EgressObserver;
  vault: VaultMetrics;
}

interface WatchedLimits {
  readonly waiting: number;
  breakers(): Map<string, BreakerState>;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const OVERHEAD_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

export function createMetrics(registry: Registry): ExecutorMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, ...labelNames: string[]) => new Counter({ name, help, labelNames, registers });
  const executions = counter('tool_executions_total', 'Tool calls by how they ended', 'connector', 'tool', 'state');
  const retries = counter('tool_retries_total', 'Requests to providers that were sent again', 'provider', 'reason');
  const requests = counter(
    'tool_provider_requests_total',
    'Requests to providers by status; error: no answer',
    'provider',
    'status_code',
  );
  const expired = counter(
    'credential_expired_in_use_total',
    'Requests that left with a token that had expired; must stay 0',
    'provider',
  );
  const denied = counter('egress_denied_total', 'Requests that were not let out', 'reason');
  const duration = new Histogram({
    name: 'tool_execution_duration_seconds',
    help: 'From taking a call off the bus to its recorded result',
    labelNames: ['connector', 'tool'],
    buckets: SECONDS,
    registers,
  });
  const providerDuration = new Histogram({
    name: 'tool_provider_request_duration_seconds',
    help: 'Time that providers take to answer one request',
    labelNames: ['provider'],
    buckets: SECONDS,
    registers,
  });
  const overhead = new Histogram({
    name: 'tool_broker_overhead_seconds',
    help: 'Of the duration of a call, what was not spent waiting for the provider',
    buckets: OVERHEAD_SECONDS,
    registers,
  });
  return {
    executed: ({ connector, tool, state }, seconds, overheadSeconds) => {
      executions.inc({ connector, tool, state });
      duration.observe({ connector, tool }, seconds);
      overhead.observe(overheadSeconds);
    },
    retry: (provider, reason) => retries.inc({ provider, reason }),
    expiredInUse: (provider) => expired.inc({ provider }),
    ...limitMetrics(registry),
    egress: {
      hop: ({ provider, status, seconds }) => {
        requests.inc({ provider, status_code: status === undefined ? 'error' : String(status) });
        providerDuration.observe({ provider }, seconds);
      },
      denied: (reason) => denied.inc({ reason }),
    },
    vault: createVaultMetrics(registry),
  };
}

function limitMetrics(registry: Registry): Pick<ExecutorMetrics, 'limits' | 'watchLimits'> {
  const registers = [registry];
  const waits = new Histogram({
    name: 'tool_limit_wait_seconds',
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
      waited: (of, seconds) => waits.observe(of, seconds),
      refused: (of) => refusals.inc(of),
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
        name: 'tool_provider_circuit_state',
        help: 'Whether requests are let out to a provider: 0 all, 1 one that tries, 2 none',
        labelNames: ['provider'],
        registers,
        collect() {
          this.reset();
          for (const [provider, state] of limits.breakers()) this.set({ provider }, state);
        },
      });
    },
  };
}
