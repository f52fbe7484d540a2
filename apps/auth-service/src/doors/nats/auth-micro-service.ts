import {
  authRequests,
  connectSessionRequestSchema,
  custodyOperations,
  custodySubject,
  parseOrThrow,
  personRequestSchema,
  workloadRequestSchema,
  type ConnectSessionReply,
  type CustodyReply,
  type PersonReply,
  type WorkloadReply,
} from '@keyward/contracts';
import { serveMicroService, type MicroServiceEndpoint, type RequestServer } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { ConnectSessions } from '../../connect/connect-sessions.js';
import type { Custody } from '../../custody/custody.js';
import type { Principals } from '../../identity/principals.js';
import type { WorkloadAuthenticator } from '../../workloads/workload-authenticator.js';

const DESCRIPTION = {
  name: 'auth',
  version: '1.0.0',
  description: 'Custody of connections, links to connect, and who a workload is.',
  queue: 'auth-service',
};

export interface AuthHandlers {
  sessions: ConnectSessions;
  workloads: WorkloadAuthenticator;
  custody: Custody;
  principals: Principals;
}

/**
 * `auth.v1.*` in account KEYWARD, where no agent can publish: whoever asks is trusted with naming the organization and the agent that
 * it asks for.
 */
export function serveAuthRequests(nc: NatsConnection, handlers: AuthHandlers, logger: Logger): RequestServer {
  const { sessions, workloads, custody, principals } = handlers;
  const endpoints: Record<string, MicroServiceEndpoint> = {
    create_connect_session: {
      subject: authRequests.createConnectSession,
      handle: async (payload): Promise<ConnectSessionReply> => {
        const request = parseOrThrow(connectSessionRequestSchema, payload, 'request');
        const session = await sessions.create({ ...request, initiator: { kind: 'agent', id: request.agent } });
        return { outcome: 'created', session };
      },
    },
    authenticate_workload: {
      subject: authRequests.authenticateWorkload,
      handle: async (payload): Promise<WorkloadReply> => {
        const { token } = parseOrThrow(workloadRequestSchema, payload, 'request');
        const { expiresAt, ...workload } = await workloads.authenticate(token);
        return { outcome: 'authenticated', ...workload, expiresAt: expiresAt.toISOString() };
      },
    },
    authenticate_person: {
      subject: authRequests.authenticatePerson,
      handle: async (payload): Promise<PersonReply> => {
        const { token, role, org } = parseOrThrow(personRequestSchema, payload, 'request');
        return { outcome: 'authenticated', member: (await principals.requireToken(token, role, org)).id };
      },
    },
  };
  for (const operation of custodyOperations) {
    const handle = async (payload: unknown): Promise<CustodyReply> => ({
      outcome: 'answered',
      answer: await custody.handle(operation, payload),
    });
    endpoints[operation] = { subject: custodySubject(operation), handle };
  }
  return serveMicroService(nc, DESCRIPTION, endpoints, { logger });
}
