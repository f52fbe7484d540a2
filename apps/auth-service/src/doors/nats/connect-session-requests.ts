import { authRequests, connectSessionRequestSchema, parseOrThrow, type ConnectSessionReply } from '@keyward/contracts';
import { serveRequests, type RequestServer } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { ConnectSessions } from '../../connect/connect-sessions.js';

const QUEUE = 'auth-service';

/** Services of account KEYWARD ask for links on behalf of an agent that they have authenticated. */
export function serveConnectSessions(nc: NatsConnection, sessions: ConnectSessions, logger: Logger): RequestServer {
  const create = async (payload: unknown): Promise<ConnectSessionReply> => {
    const request = parseOrThrow(connectSessionRequestSchema, payload, 'request');
    const session = await sessions.create({ ...request, initiator: { kind: 'agent', id: request.agent } });
    return { outcome: 'created', session };
  };
  return serveRequests(nc, authRequests.createConnectSession, QUEUE, create, { logger });
}
