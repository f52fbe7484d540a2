import type { Catalogs, ToolCall } from '@keyward/connectors';
import {
  asKeywardError,
  EXECUTION_WAIT_MS,
  headers,
  KeywardError,
  newId,
  subjects,
  type AgentAddress,
  type ErrorCode,
  type ExecuteBody,
  type ExecutionRequested,
  type ExecutionResult,
} from '@keyward/contracts';
import type { Publisher, ReplyInbox } from '@keyward/jetstream';
import { currentTraceId } from '@keyward/service-host';
import type { GatewayMetrics } from '../metrics.js';
import { requireAssigned, type Assignments } from '../tools/assignments.js';
import { withConnector } from '../tools/unified.js';
import { refusalState, type Refusals } from './refusals.js';
import { Turn } from './turn.js';
import type { WaitSlots } from './wait-slots.js';

/** How much longer than the call itself its outcome is waited for: the executor's verdict at the deadline still has to travel. */
export const OUTCOME_GRACE_MS = 2_000;

export interface Call {
  readonly id: string;
  /** Authenticated: from the agent's key or from the permission-checked subject. */
  readonly address: AgentAddress;
  readonly tool: string;
  readonly body: ExecuteBody;
  readonly door: 'http' | 'nats';
}

export interface HandedOver {
  /** Resolves once the bus has the call for good. @throws KeywardError `dependency_unavailable` with `executionId` */
  accepted: Promise<void>;
  /**
   * Undefined where it did not come in time, or the waiting was given up; it may still come. Does not wait for `accepted`, but rejects
   * with it, and with `dependency_unavailable` when the time is up and the bus has not acknowledged the call.
   */
  outcome: Promise<ExecutionResult | undefined>;
  /** The caller has left: the waiting ends, the call goes on. */
  abandon(): void;
}

interface Parts {
  catalogs: Pick<Catalogs, 'of'>;
  assignments: Assignments;
  refusals: Refusals;
  slots: WaitSlots;
  publisher: Publisher;
  inbox: ReplyInbox;
  metrics: GatewayMetrics;
}

/** From an authenticated call to one on the bus, for every door. */
export class Executions {
  readonly #turn = new Turn();

  constructor(private readonly parts: Parts) {}

  static newCall(address: AgentAddress, tool: string, body: ExecuteBody, door: Call['door']): Call {
    return { id: newId('exe'), address, tool, body, door };
  }

  /**
   * Everything that can be refused without asking anyone, before anything is published. What is refused here is in the audit
   * trail when this throws. What comes back is the call to hand over: of a unified tool it says for which connector.
   *
   * @throws KeywardError `unknown_tool`, `tool_not_assigned`, `invalid_arguments`, `dependency_unavailable`
   */
  async check(call: Call): Promise<Call> {
    const { id, address, tool: toolName, body } = call;
    let asked: ToolCall | undefined;
    try {
      const catalog = await this.parts.catalogs.of(address.org);
      const assignments = await this.parts.assignments.of(address.org, address.agent);
      const given = withConnector(catalog, toolName, body.arguments, assignments);
      asked = catalog.call(toolName, given);
      requireAssigned(asked.tool, assignments);
      await asked.argumentsOf();
      return given === body.arguments ? call : { ...call, body: { ...body, arguments: given } };
    } catch (thrown) {
      const error = asKeywardError(thrown);
      if (refusalState(error.code) !== undefined) {
        await this.parts.refusals.record({ id, address, user: body.user, toolName, asked, error, traceId: currentTraceId() });
      } else this.#failed(error.code);
      throw error;
    }
  }

  /** Publishes without waiting for the outcome, which is looked up later. */
  async handOver(call: Call): Promise<void> {
    await this.#publish(call, undefined);
  }

  /**
   * Publishes and waits. The publication's acknowledgement and the outcome are awaited side by side: the executor often answers
   * before the acknowledgement is here.
   *
   * @throws KeywardError `rate_limited` where too many calls are being waited for
   */
  handOverAndWait(call: Call, graceMs: number): HandedOver {
    const ended = Promise.withResolvers<undefined>();
    const slot = this.parts.slots.take(call.address.agent, () => ended.resolve(undefined));
    const wait = this.parts.inbox.expect(call.body.timeoutMs + graceMs);
    let isAccepted = false;
    const accepted = this.#publish(call, wait.subject).then(() => {
      isAccepted = true;
    });
    accepted.catch(ended.reject);
    const reply = wait.reply.then(
      (message) => this.#asResult(call, message),
      () => {
        // "Not yet" may only be said of a call that the bus has; while the bus is away, nobody works on it.
        if (isAccepted) return undefined;
        throw notHandedOver(call.id);
      },
    );
    const outcome = Promise.race([reply, ended.promise]).finally(() => {
      wait.cancel();
      slot.release();
    });
    return { accepted, outcome, abandon: slot.abandon };
  }

  async #publish({ id, address: { org, agent }, tool, body, door }: Call, replyTo: string | undefined): Promise<void> {
    const requested: ExecutionRequested = {
      id,
      org,
      agent,
      tool,
      arguments: body.arguments,
      user: body.user,
      ...(body.connection === undefined ? {} : { connection: body.connection }),
      ...(body.idempotencyKey === undefined ? {} : { idempotencyKey: body.idempotencyKey }),
      ...(body.deduplicate ? { deduplicate: true } : {}),
      dryRun: body.dryRun,
      requestedAt: new Date().toISOString(),
      timeoutMs: body.timeoutMs,
      ...(body.wait === 'authorization' ? { waitForMs: body.waitForMs ?? EXECUTION_WAIT_MS.default } : {}),
    };
    try {
      await this.#turn.end();
      // The message id is our own: an agent that could choose it could swallow another agent's call as a duplicate.
      await this.parts.publisher.publish(subjects.executionRequested(org, agent, id), requested, {
        msgId: id,
        ...(replyTo === undefined ? {} : { headers: { [headers.replyTo]: replyTo } }),
      });
    } catch (cause) {
      // The bus has a limit of its own, which also covers what we add to the caller's body: that one was certainly not handed over.
      if (cause instanceof KeywardError && cause.code === 'request_too_large') throw cause;
      this.#failed('dependency_unavailable');
      throw notHandedOver(id, cause);
    }
    this.parts.metrics.handedOver.inc({ door });
  }

  /** Not by the agent's fault, and nobody after us will count it. */
  #failed(code: ErrorCode): void {
    this.parts.metrics.ended(undefined, 'failed', code);
  }

  /**
   * The message comes from inside, over an inbox that only services can reach: that it is the outcome of this call is checked, not
   * its every member.
   */
  #asResult(call: Call, message: unknown): ExecutionResult {
    const result = message as Partial<ExecutionResult> | null;
    if (typeof result !== 'object' || result === null || result.id !== call.id || typeof result.state !== 'string') {
      throw new KeywardError('internal', 'The outcome of the call could not be read.', { details: { executionId: call.id } });
    }
    return result as ExecutionResult;
  }
}

function notHandedOver(executionId: string, cause?: unknown): KeywardError {
  const sentence = 'The call could not be handed over for certain; it may have been executed.';
  return new KeywardError('dependency_unavailable', sentence, { details: { executionId }, cause });
}
