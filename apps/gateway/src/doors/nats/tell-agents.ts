import { executionRequests, outcomeNoticeSchema, parseOrThrow } from '@keyward/contracts';
import { serveRequests, type RequestServer } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { NatsDoor } from './nats-door.js';

const QUEUE = 'gateway';

/** Outcomes of executions that have waited, whose callers' gateway may be gone: any gateway hands them to the agent. */
export function tellAgents(nc: NatsConnection, door: Pick<NatsDoor, 'tell'>, logger: Logger): RequestServer {
  const handle = async (payload: unknown) => {
    const { org, agent, result } = parseOrThrow(outcomeNoticeSchema, payload, 'notice');
    await door.tell({ org, agent }, result);
    return { outcome: 'told' };
  };
  return serveRequests(nc, executionRequests.outcome, QUEUE, handle, { logger });
}
