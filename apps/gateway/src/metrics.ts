import { connectorLabel, POSTED_LABEL, type Catalog, type ConnectorLabel, type Tool } from '@keyward/connectors';
import { errorCodes, type ErrorCode, type ExecutionState } from '@keyward/contracts';
import { Counter, Gauge, type Registry } from 'prom-client';

/** What only the gateway knows. Never org, user or connection as a label; tool names only where they are in the catalogue. */
export interface GatewayMetrics {
  authenticationFailures: Counter<'reason'>;
  /**
   * A call that never got to tool-executor, which counts all others under the same names.
   * @param tool undefined where there is none of this name, or it does not matter which: a made-up one must not become a label
   */
  ended(tool: Tool | undefined, state: ExecutionState, code: ErrorCode): void;
  handedOver: Counter<'door'>;
  waits: Gauge;
  ignoredMessages: Counter<'reason'>;
}

/** @param deployment whose connectors are labels; those that organizations posted are one */
export function createMetrics(registry: Registry, deployment: { readonly current: Pick<Catalog, 'connector'> }): GatewayMetrics {
  const registers = [registry];
  const authenticationFailures = new Counter({
    name: 'gateway_authentication_failures_total',
    help: 'Requests without a valid agent key.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of ['missing', 'refused']) authenticationFailures.inc({ reason }, 0);
  return {
    authenticationFailures,
    ended: endedCalls(registry, connectorLabel(deployment)),
    handedOver: new Counter({
      name: 'gateway_executions_handed_over_total',
      help: 'Executions put on the bus, by the door they came through.',
      labelNames: ['door'],
      registers,
    }),
    waits: new Gauge({
      name: 'gateway_waits_in_flight',
      help: 'Executions whose outcome this process is waiting for.',
      registers,
    }),
    ignoredMessages: new Counter({
      name: 'gateway_ignored_messages_total',
      help: 'Messages of agents that could not be answered or were not well-formed, by what was wrong.',
      labelNames: ['reason'],
      registers,
    }),
  };
}

/** Every code and every decision has a value from the start: a rate does not see the first of a series that was not there. */
function endedCalls(registry: Registry, labelOf: ConnectorLabel): GatewayMetrics['ended'] {
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const executions = counter('tool_executions_total', 'Tool calls by how they ended.', 'connector', 'tool', 'state');
  const errors = counter('tool_execution_errors_total', 'Tool calls that did not succeed, by error code.', 'code');
  const decisions = counter('policy_decisions_total', 'Whether an agent may call a tool.', 'decision');
  for (const code of errorCodes) errors.inc({ code }, 0);
  decisions.inc({ decision: 'deny' }, 0);
  return (tool, state, code) => {
    const connector = tool === undefined ? 'unknown' : labelOf(tool.provider.name);
    const isNamed = tool !== undefined && connector !== POSTED_LABEL;
    executions.inc({ connector, tool: isNamed ? tool.name : connector, state });
    errors.inc({ code });
    if (code === 'tool_not_assigned') decisions.inc({ decision: 'deny' });
  };
}
