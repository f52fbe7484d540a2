import { asKeywardError, KeywardError, parseBoundedJson, REQUEST_BOUNDS, toProblem, type JsonBounds } from '@keyward/contracts';
import { trace } from '@opentelemetry/api';
import { headers as createHeaders, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';
import { consuming } from './spans.js';

const DEFAULT_CONCURRENCY = 256;

export interface RequestServerOptions {
  bounds?: JsonBounds;
  /** Requests beyond this are refused with `dependency_unavailable` at once, so that a burst cannot pile up in memory. */
  concurrency?: number;
  logger?: LogPort;
  /** Told of every request once it is answered. */
  observe?: (durationMs: number, error: KeywardError | undefined) => void;
}

export interface RequestContext {
  /** Checked by nats-server against what the asker may publish on, so it may say who is asking. */
  subject: string;
}

export type RequestHandler = (payload: unknown, context: RequestContext) => Promise<object>;

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
  handler: RequestHandler,
  options: RequestServerOptions = {},
): RequestServer {
  const { bounds = REQUEST_BOUNDS, concurrency = DEFAULT_CONCURRENCY, logger, observe } = options;
  const running = new Set<Promise<void>>();

  const answer = async (message: Msg) => {
    const begun = performance.now();
    const respond = (value: object, sent?: MsgHdrs) =>
      message.respond(JSON.stringify(value), sent === undefined ? {} : { headers: sent });
    try {
      if (running.size >= concurrency) throw new KeywardError('dependency_unavailable', 'Too many requests at once. Try again.');
      respond(await handler(parseBoundedJson(message.data, bounds), { subject: message.subject }));
      observe?.(performance.now() - begun, undefined);
    } catch (thrown) {
      const error = asKeywardError(thrown);
      if (error.cause !== undefined) logger?.error({ err: error.cause, code: error.code, subject }, 'a request failed');
      const problem = toProblem(error, trace.getActiveSpan()?.spanContext().traceId);
      respond({ outcome: 'failed', error: problem }, errorHeaders(error));
      observe?.(performance.now() - begun, error);
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

/** How clients of micro-services in general tell a failure (NATS ADR-32, "Error handling"); ours read the answer itself. */
function errorHeaders(error: KeywardError): MsgHdrs {
  const headers = createHeaders();
  headers.set('Nats-Service-Error', error.code);
  headers.set('Nats-Service-Error-Code', String(error.httpStatus));
  return headers;
}
