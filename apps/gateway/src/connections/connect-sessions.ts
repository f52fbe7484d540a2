import {
  authRequests,
  connectSessionReplySchema,
  fromProblem,
  KeywardError,
  type AgentAddress,
  type ConnectSession,
  type ConnectSessionRequest,
  type CreateConnectSession,
  type Problem,
} from '@keyward/contracts';
import type { NatsConnection } from '@nats-io/transport-node';
import { askAuthService } from '@keyward/jetstream';

/** Links for a person to connect an account, made by auth-service on the word of the gateway. */
export class ConnectSessions {
  constructor(private readonly nc: NatsConnection) {}

  /** @throws KeywardError whatever auth-service refuses with; `dependency_unavailable` where it does not answer */
  async create({ org, agent }: AgentAddress, body: CreateConnectSession): Promise<ConnectSession> {
    const request: ConnectSessionRequest = { ...body, org, agent };
    const reply = connectSessionReplySchema.safeParse(await askAuthService(this.nc, authRequests.createConnectSession, request));
    if (!reply.success) throw new KeywardError('internal', 'The answer could not be read.', { cause: reply.error });
    if (reply.data.outcome === 'failed') throw fromProblem(reply.data.error as Problem);
    return reply.data.session;
  }
}
