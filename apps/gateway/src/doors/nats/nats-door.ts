import { setTimeout as delay } from 'node:timers/promises';
import {
  asKeywardError,
  idSchema,
  KeywardError,
  parseBoundedJson,
  parseOrThrow,
  parseToolExecuteSubject,
  subjects,
  toolExecuteSchema,
  toProblem,
  type AgentAddress,
  type ExecutionResult,
  type Receipt,
} from '@keyward/contracts';
import { linkOf } from '@keyward/jetstream';
import { currentTraceId } from '@keyward/service-host';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Tracer } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { Executions, type Call } from '../../execute/executions.js';
import { refusalState } from '../../execute/refusals.js';
import type { GatewayMetrics } from '../../metrics.js';
import { replySubject } from './reply-subject.js';
import { parentContext, traced } from './trace-parent.js';

/** Nobody holds a connection open meanwhile, so a late outcome, say after an executor was replaced, is worth waiting for. */
const OUTCOME_GRACE_MS = 60_000;
const QUEUE = 'gateway';
const RECONNECT_WAIT_MS = 5_000;

const orgId = idSchema('org');
const agentId = idSchema('agt');

/** The agents' door on the bus, in account AGENTS. Nothing that an agent sends reaches a stream as it is. */
export class NatsDoor implements CustomTransportStrategy {
  readonly #underWay = new Set<Promise<void>>();
  #subscription: Subscription | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly agents: NatsConnection,
    private readonly executions: Executions,
    private readonly metrics: GatewayMetrics,
    private readonly tracer: Tracer,
    private readonly logger: Logger,
  ) {}

  /** Ready once the server knows of the subscription: a call sent after that finds someone. */
  listen(ready: (error?: unknown) => void): void {
    this.#subscription = this.agents.subscribe(subjects.toolExecuteAll, {
      queue: QUEUE,
      callback: (error, message) => {
        if (error === null) this.#take(message);
        else this.logger.error({ err: error }, 'the gateway may not listen to agents');
      },
    });
    this.agents.flush().then(() => ready(), ready);
  }

  /** Takes no more calls; resolves once those under way are answered. */
  close(): Promise<void> {
    this.#closed ??= this.#drain();
    return this.#closed;
  }

  async #drain(): Promise<void> {
    if (!this.agents.isClosed()) await this.#subscription?.drain();
    await Promise.all(this.#underWay);
  }

  #take(message: Msg): void {
    const work = traced(this.tracer, subjects.toolExecuteAll, parentContext(message.headers), () => this.#handle(message))
      .catch((error: unknown) => this.logger.error({ err: error }, 'a call over NATS was not answered'))
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async #handle(message: Msg): Promise<void> {
    // Whom the server let publish on this subject, and no header or member of the payload, says who is asking.
    const address = parseToolExecuteSubject(message.subject);
    if (address === undefined || !orgId.safeParse(address.org).success || !agentId.safeParse(address.agent).success) {
      this.metrics.ignoredMessages.inc({ reason: 'subject' });
      return;
    }
    const reply = replySubject(message.reply, address.agent);
    if (reply === undefined) this.metrics.ignoredMessages.inc({ reason: 'reply_subject' });
    let call: Call;
    try {
      const { tool, ...body } = parseOrThrow(toolExecuteSchema, parseBoundedJson(message.data), 'call');
      call = Executions.newCall(address, tool, body, 'nats');
    } catch (error) {
      this.metrics.ignoredMessages.inc({ reason: 'malformed' });
      await this.#answer(reply, toProblem(asKeywardError(error), currentTraceId()));
      return;
    }
    await this.#execute(call, reply);
  }

  async #execute(received: Call, reply: string | undefined): Promise<void> {
    const startedAt = performance.now();
    let call = received;
    let outcome: Promise<ExecutionResult | undefined>;
    try {
      call = await this.executions.check(call);
      const handedOver = this.executions.handOverAndWait(call, OUTCOME_GRACE_MS);
      ({ outcome } = handedOver);
      await handedOver.accepted;
    } catch (thrown) {
      const error = asKeywardError(thrown);
      if (error.code === 'internal') this.logger.error({ err: error.cause }, 'a call over NATS failed');
      await this.#answer(reply, toProblem(error, currentTraceId()));
      if (reply === undefined) await this.#publishOutcome(call.address, endedHere(call, error, startedAt));
      return;
    }
    const receipt: Receipt = { id: call.id, state: 'queued' };
    await this.#answer(reply, receipt);
    await this.#publishOutcome(call.address, (await outcome) ?? endedHere(call, NO_OUTCOME, startedAt));
  }

  async #answer(reply: string | undefined, body: object): Promise<void> {
    if (reply !== undefined) await this.#send(reply, body);
  }

  /** Of a call that the agent made before, to whichever of its processes listen. */
  tell(address: AgentAddress, result: ExecutionResult): Promise<void> {
    return this.#publishOutcome(address, result);
  }

  #publishOutcome({ org, agent }: AgentAddress, result: ExecutionResult): Promise<void> {
    return this.#send(subjects.toolResult(org, agent, result.id), result);
  }

  /** What is published while the connection is away gets lost when it comes back, so that is waited for; the outcome is kept anyway. */
  async #send(subject: string, body: object): Promise<void> {
    const link = linkOf(this.agents);
    if (!link.up) await Promise.race([link.whenUp(), delay(RECONNECT_WAIT_MS, undefined, { ref: false })]);
    this.agents.publish(subject, JSON.stringify(body));
  }
}

const NO_OUTCOME = new KeywardError('outcome_unknown', 'The call was handed over, but its outcome did not arrive in time.');

/** For a call that ended without the executor's word. */
function endedHere({ id, tool }: Call, error: KeywardError, startedAt: number): ExecutionResult {
  const traceId = currentTraceId();
  return {
    id,
    tool,
    state: error === NO_OUTCOME ? 'unknown' : (refusalState(error.code) ?? 'failed'),
    error: toProblem(error, traceId),
    connection: null,
    attempts: 0,
    durationMs: Math.round(performance.now() - startedAt),
    traceId,
  };
}
