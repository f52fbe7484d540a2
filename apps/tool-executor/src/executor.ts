import { subjects, type ExecutionResult } from '@keyward/contracts';
import type { JetStreamContext, Publisher } from '@keyward/jetstream';
import { SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { InFlight } from './bus/in-flight.js';
import { readRequest } from './bus/read-request.js';
import { Call } from './execute/call.js';
import { execute } from './execute/execute.js';
import type { ExecutorParts } from './execute/parts.js';

export interface ExecutorSurroundings {
  parts: ExecutorParts;
  inFlight: InFlight;
  publisher: Publisher;
  tracer: Tracer;
  logger: Logger;
}

/** From a message to its answer: around `execute`, what the outside sees of it. */
export class Executor {
  constructor(private readonly around: ExecutorSurroundings) {}

  /** @throws KeywardError where the message must come again, or never can be right */
  async handle(payload: unknown, context: JetStreamContext): Promise<void> {
    const call = new Call(readRequest(payload, context.subject), context.deliveries);
    const { parts, inFlight } = this.around;
    const stop = () => call.abort(context.signal.reason);
    context.signal.addEventListener('abort', stop, { once: true });
    try {
      const result = await inFlight.track(call, () => this.inSpan(call, () => execute(parts, call)));
      await this.deliver(call, result, context);
      this.report(call, result);
    } finally {
      context.signal.removeEventListener('abort', stop);
    }
  }

  /** To whoever waits and to stream RESULTS, both or the message comes again. */
  private async deliver({ request }: Call, result: ExecutionResult, context: JetStreamContext): Promise<void> {
    const subject = subjects.executionCompleted(request.org, request.agent, request.id);
    await Promise.all([this.around.publisher.publish(subject, result, { msgId: request.id }), context.reply(result)]);
  }

  private report(call: Call, result: ExecutionResult): void {
    const { request, tool, startedAt, providerMs } = call;
    const durationMs = performance.now() - startedAt;
    // A made-up name must not become a label.
    const labels =
      tool === undefined ? { connector: 'unknown', tool: 'unknown' } : { connector: tool.provider.name, tool: tool.name };
    this.around.parts.metrics.executed({ ...labels, state: result.state }, durationMs / 1000, (durationMs - providerMs) / 1000);
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
    const attributes = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': tool, 'gen_ai.tool.call.id': id };
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
