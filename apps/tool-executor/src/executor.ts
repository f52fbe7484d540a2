import { headers, subjects, type ExecutionResult } from '@keyward/contracts';
import type { BusClock, JetStreamContext, Publisher } from '@keyward/jetstream';
import { SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { InFlight } from './bus/in-flight.js';
import { readRequest } from './bus/read-request.js';
import { cancelled, type Cancellations } from './cancel/cancellations.js';
import { auditEventOf } from './execute/audit-event.js';
import { Call } from './execute/call.js';
import { execute } from './execute/execute.js';
import type { ExecutorParts } from './execute/parts.js';
import type { Notices } from './waiting/notices.js';
import { keepWaiting } from './waiting/keep-waiting.js';

export interface ExecutorSurroundings {
  parts: ExecutorParts;
  inFlight: InFlight;
  cancellations: Cancellations;
  notices: Notices;
  clock: Pick<BusClock, 'now'>;
  publisher: Publisher;
  tracer: Tracer;
  /** One line for each call. */
  logsCalls: boolean;
  logger: Logger;
}

/** From a message to its answer: around `execute`, what the outside sees of it. */
export class Executor {
  constructor(private readonly around: ExecutorSurroundings) {}

  /** @throws KeywardError where the message must come again, or never can be right */
  async handle(payload: unknown, context: JetStreamContext): Promise<void> {
    const { inFlight, clock } = this.around;
    const request = readRequest(payload, context.subject);
    const isReplayed = context.headers?.has(headers.replayed) === true;
    const call = new Call(request, context.deliveries, clock.now() - context.storedAt, isReplayed);
    const stop = () => call.abort(context.signal.reason);
    context.signal.addEventListener('abort', stop, { once: true });
    try {
      const result = await inFlight.track(call, () => this.takeUp(call));
      if (result === undefined) return;
      await this.deliver(call, result, context);
      this.report(call, result);
    } finally {
      context.signal.removeEventListener('abort', stop);
      this.around.parts.budgets.keep(call);
    }
  }

  /** Undefined where it is somebody else's. Tracked already: whoever cancels it from now on finds it under way. */
  private async takeUp(call: Call): Promise<ExecutionResult | undefined> {
    const { parts, cancellations } = this.around;
    if (cancellations.has(call.request)) call.abort(cancelled());
    const standing = await parts.waiting.takeUp(call);
    if (standing === 'gone') return undefined;
    if (standing === 'go') return this.inSpan(call, () => execute(parts, call));
    // An earlier delivery found that it waits, and may not have come so far as to say so.
    await parts.audit.record(auditEventOf(call, { waits: standing }, standing));
    return standing;
  }

  /**
   * To whoever waits and to stream RESULTS, both or the message comes again. For what has waited nobody waits any more: the gateway is told.
   */
  private async deliver(call: Call, result: ExecutionResult, context: JetStreamContext): Promise<void> {
    const { request } = call;
    const { publisher, notices, parts } = this.around;
    const subject = subjects.executionCompleted(request.org, request.agent, request.id);
    const keep = () =>
      result.waitingFor === undefined
        ? publisher.publish(subject, result, { msgId: request.id })
        : keepWaiting(publisher, subject, call, result);
    await Promise.all([keep(), context.reply(result)]);
    if (request.resumed === undefined) return;
    await notices.send({ org: request.org, agent: request.agent, result });
    if (result.waitingFor === undefined) await parts.waiting.leave(call);
  }

  private report(call: Call, result: ExecutionResult): void {
    const { request, tool, startedAt, providerMs } = call;
    const durationMs = performance.now() - startedAt;
    this.around.parts.metrics.executed(tool, result.state, durationMs / 1000, (durationMs - providerMs) / 1000);
    if (result.error !== undefined) this.around.parts.metrics.failed(result.error.code);
    if (!this.around.logsCalls) return;
    this.around.logger.info(
      {
        org_id: request.org,
        agent_id: request.agent,
        user_id: request.user,
        tool_name: request.tool,
        execution_id: request.id,
        status: result.state,
        duration_ms: Math.round(durationMs * 1000) / 1000,
        attempts: result.attempts,
        ...(result.error === undefined ? {} : { error_code: result.error.code }),
      },
      'tool call',
    );
  }

  /** GenAI semantic conventions, without arguments and output. */
  private async inSpan(call: Call, work: () => Promise<ExecutionResult>): Promise<ExecutionResult> {
    if (trace.getActiveSpan()?.isRecording() !== true) return work();
    const { tool, id } = call.request;
    const attributes = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': tool,
      'gen_ai.tool.type': 'extension',
      'gen_ai.tool.call.id': id,
    };
    return this.around.tracer.startActiveSpan(`execute_tool ${tool}`, { attributes }, async (span) => {
      try {
        const result = await work();
        span.setAttribute('keyward.execution.state', result.state);
        if (result.error !== undefined) {
          span.setAttribute('error.type', result.error.code);
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        return result;
      } finally {
        span.end();
      }
    });
  }
}
