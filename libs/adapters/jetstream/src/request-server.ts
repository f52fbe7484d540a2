import { asKeywardError, KeywardError, parseBoundedJson, REQUEST_BOUNDS, toProblem, type JsonBounds } from '@keyward/contracts';
import { trace } from '@opentelemetry/api';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';
import { consuming } from './spans.js';

const DEFAULT_CONCURRENCY = 256;

export interface RequestServerOptions {
  bounds?: JsonBounds;
  /** Requests beyond this are refused with `dependency_unavailable` at once, so that a burst cannot pile up in memory. */
  concurrency?: number;
  logger?: LogPort;
}

export interface RequestContext {
  /** Checked by nats-server against what the asker may publish on, so it may say who is asking. */
  subject: string;
}

export interface RequestServer {
  /** Takes no more requests and resolves once those in flight are answered. */
  close(): Promise<void>;
}

/**
 * Core request-reply. What the handler returns is the answer; what it throws becomes `{outcome: 'failed', error: problem}`. A message
 * without a reply subject, or with one of the server's own (`$JS`, `$SYS`), is dropped: answering it would act on the server with our
 * permissions.
 */
export function serveRequests(
  nc: NatsConnection,
  subject: string,
  queue: string,
  handler: (payload: unknown, context: RequestContext) => Promise<object>,
  options: RequestServerOptions = {},
): RequestServer {
  const { bounds = REQUEST_BOUNDS, concurrency = DEFAULT_CONCURRENCY, logger } = options;
  const running = new Set<Promise<void>>();

  const answer = async (message: Msg) => {
    const respond = (value: object) => message.respond(JSON.stringify(value));
    try {
      if (running.size >= concurrency) throw new KeywardError('dependency_unavailable', 'Too many requests at once. Try again.');
      respond(await handler(parseBoundedJson(message.data, bounds), { subject: message.subject }));
    } catch (thrown) {
      const error = asKeywardError(thrown);
      if (error.cause !== undefined) logger?.error({ err: error.cause, code: error.code, subject }, 'a request failed');
      respond({ outcome: 'failed', error: toProblem(error, trace.getActiveSpan()?.spanContext().traceId) });
    }
  };

  const subscription = nc.subscribe(subject, {
    queue,
    callback: (_error, message) => {
      if (message.reply === undefined || message.reply === '' || message.reply.startsWith('$')) return;
      const work = consuming(message.subject, message.headers, queue, () => answer(message))
        .catch((error: unknown) => logger?.error({ err: error, subject }, 'an answer could not be sent'))
        .finally(() => running.delete(work));
      running.add(work);
    },
  });
  return {
    close: async () => {
      await subscription.drain();
      await Promise.allSettled(running);
    },
  };
}
