import { connectorLabel, POSTED_LABEL, type Catalog, type ConnectorLabel } from '@keyward/connectors';
import { errorCodes, type ErrorCode, type ExecutionState } from '@keyward/contracts';
import type { VaultMetrics } from '@keyward/credentials';
import { egressDenials, type EgressObserver } from '@keyward/egress';
import { createVaultMetrics } from '@keyward/kms';
import { histogramWithExemplars } from '@keyward/service-host';
import { Counter, Histogram, type Registry } from 'prom-client';
import { policyMetrics, type Decide } from './execute/policy-metrics.js';
import type { LimitMetrics } from './limits/executor-limits.js';
import { limitMetrics, SECONDS, type WatchedLimits } from './limits/limit-metrics.js';
import type { RetryReason } from './provider/judge.js';

export interface ExecutorMetrics {
  /**
   * @param tool undefined where there is none of this name: a made-up one must not become a label
   * @param overheadSeconds what was not spent waiting for the provider
   */
  executed(tool: ExecutedTool | undefined, state: ExecutionState, seconds: number, overheadSeconds: number): void;
  decide: Decide;
  /** A call did not succeed. */
  failed(code: ErrorCode): void;
  retry(provider: string, reason: RetryReason): void;
  /** A request left with a token that had expired. */
  expiredInUse(provider: string): void;
  limits: LimitMetrics;
  /** What is looked up each time the metrics are read. */
  watchLimits(limits: WatchedLimits): void;
  egress: EgressObserver;
  vault: VaultMetrics;
}

interface ExecutedTool {
  readonly name: string;
  readonly provider: { readonly name: string };
}

const OVERHEAD_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/** @param deployment whose connectors are labels; those that organizations posted are one */
export function createMetrics(registry: Registry, deployment: { readonly current: Pick<Catalog, 'connector'> }): ExecutorMetrics {
  const registers = [registry];
  const labelOf = connectorLabel(deployment);
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
  const errors = counter('tool_execution_errors_total', 'Tool calls that did not succeed, by error code', 'code');
  // A rate does not see the first of a series that was not there.
  for (const code of errorCodes) errors.inc({ code }, 0);
  const duration = histogramWithExemplars(registry, {
    name: 'tool_execution_duration_seconds',
    help: 'From taking a call off the bus to its recorded result',
    labelNames: ['connector', 'tool'],
    buckets: SECONDS,
  });
  const providerDuration = histogramWithExemplars(registry, {
    name: 'tool_provider_request_duration_seconds',
    help: 'Time that providers take to answer one request',
    labelNames: ['provider'],
    buckets: SECONDS,
  });
  const overhead = new Histogram({
    name: 'tool_broker_overhead_seconds',
    help: 'Of the duration of a call, what was not spent waiting for the provider',
    buckets: OVERHEAD_SECONDS,
    registers,
  });
  return {
    executed: (tool, state, seconds, overheadSeconds) => {
      const labels = labelsOf(tool, labelOf);
      executions.inc({ ...labels, state });
      duration(labels, seconds);
      overhead.observe(overheadSeconds);
    },
    decide: policyMetrics(registry),
    failed: (code) => errors.inc({ code }),
    retry: (provider, reason) => retries.inc({ provider: labelOf(provider), reason }),
    expiredInUse: (provider) => expired.inc({ provider: labelOf(provider) }),
    ...limitMetrics(registry, labelOf),
    egress: {
      hop: (hop) => {
        const provider = labelOf(hop.provider);
        requests.inc({ provider, status_code: hop.status === undefined ? 'error' : String(hop.status) });
        providerDuration({ provider }, hop.seconds);
      },
      denied: deniedRequests(registry),
    },
    vault: createVaultMetrics(registry),
  };
}

function labelsOf(tool: ExecutedTool | undefined, labelOf: ConnectorLabel): { connector: string; tool: string } {
  if (tool === undefined) return { connector: 'unknown', tool: 'unknown' };
  const connector = labelOf(tool.provider.name);
  return { connector, tool: connector === POSTED_LABEL ? POSTED_LABEL : tool.name };
}

/** Each reason has a value from the start: a rate does not see the first of a series that was not there. */
function deniedRequests(registry: Registry): NonNullable<EgressObserver['denied']> {
  const denied = new Counter({
    name: 'egress_denied_total',
    help: 'Requests that were not let out',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const reason of egressDenials) denied.inc({ reason }, 0);
  return (reason) => denied.inc({ reason });
}
