import {
  authRequests,
  connectSessionReplySchema,
  fromProblem,
  headers,
  KeywardError,
  type AgentAddress,
  type ConnectSession,
  type ConnectSessionRequest,
  type CreateConnectSession,
  type Problem,
} from '@keyward/contracts';
import { context, propagation } from '@opentelemetry/api';
import { headers as natsHeaders, type NatsConnection } from '@nats-io/transport-node';

const TIMEOUT_MS = 10_000;

/** Links for a person to connect an account, made by auth-service on the word of the gateway. */
export class ConnectSessions {
  constructor(private readonly nc: NatsConnection) {}

  /** @throws KeywardError whatever auth-service refuses with; `dependency_unavailable` where it does not answer */
  async create({ org, agent }: AgentAddress, body: CreateConnectSession): Promise<ConnectSession> {
    const request: ConnectSessionRequest = { ...body, org, agent };
    const reply = connectSessionReplySchema.safeParse(await this.#ask(authRequests.createConnectSession, request));
    if (!reply.success) throw new KeywardError('internal', 'The answer could not be read.', { cause: reply.error });
    if (reply.data.outcome === 'failed') throw fromProblem(reply.data.error as Problem);
    return reply.data.session;
  }

  async #ask(subject: string, request: object): Promise<unknown> {
    const carrier: Record<string, string> = {};
    propagation.inject(context.active(), carrier);
    const sent = natsHeaders();
    for (const name of [headers.traceparent, headers.tracestate]) {
      const value = carrier[name];
      if (value !== undefined) sent.set(name, value);
    }
    try {
      const message = await this.nc.request(subject, JSON.stringify(request), { timeout: TIMEOUT_MS, headers: sent });
      return message.json();
    } catch (cause) {
      throw new KeywardError('dependency_unavailable', 'Connect sessions can not be made at the moment.', { cause });
    }
  }
}
