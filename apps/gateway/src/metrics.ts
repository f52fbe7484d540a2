import { Counter, Gauge, type Registry } from 'prom-client';

/** What only the gateway knows. Never org, user or connection as a label; tool names only where they are in the catalogue. */
export interface GatewayMetrics {
  authenticationFailures: Counter<'reason'>;
  /** Shared name with tool-executor, which counts what it is handed; here only what was refused before that. */
  executions: Counter<'connector' | 'tool' | 'state'>;
  handedOver: Counter<'door'>;
  waits: Gauge;
  ignoredMessages: Counter<'reason'>;
}

export function createMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  return {
    authenticationFailures: new Counter({
      name: 'gateway_authentication_failures_total',
      help: 'Requests without a valid agent key.',
      labelNames: ['reason'],
      registers,
    }),
    executions: new Counter({
      name: 'tool_executions_total',
      help: 'Executions that ended, by how.',
      labelNames: ['connector', 'tool', 'state'],
      registers,
    }),
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
