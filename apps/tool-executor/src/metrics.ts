import type { ExecutionState } from '@keyward/contracts';
import type { VaultMetrics } from '@keyward/credentials';
import type { EgressObserver } from '@keyward/egress';
import { createVaultMetrics } from '@keyward/kms';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { RetryReason } from './provider/judge.js';

export interface ExecutorMetrics {
  /** @param overheadSeconds what was not spent waiting for the provider */
  executed(of: { connector: string; tool: string; state: ExecutionState }, seconds: number, overheadSeconds: number): void;
  retry(provider: string, reason: RetryReason): void;
  /** A request left with a token that had expired. */
  expiredInUse(provider: string): void;
  egress: EgressObserver;
  vault: VaultMetrics;
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
