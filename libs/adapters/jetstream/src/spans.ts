import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';
import type { MsgHdrs } from '@nats-io/transport-node';

const tracer = trace.getTracer('@keyward/jetstream');

const carrier = {
  get: (headers: MsgHdrs | undefined, key: string) => headers?.get(key) || undefined,
  keys: (headers: MsgHdrs | undefined) => headers?.keys() ?? [],
};

/** How many words of a subject come before the ids, where it is not two. */
const FIXED_WORDS: Readonly<Record<string, number>> = { audit: 1, dead_letter: 1, auth: Infinity };

/** The subject with its ids starred out: `execution.requested.*.*.*`. */
export function destinationTemplate(subject: string): string {
  const tokens = subject.split('.');
  const words = FIXED_WORDS[tokens[0] ?? ''] ?? 2;
  return tokens.map((token, index) => (index < words ? token : '*')).join('.');
}

/** Puts the active trace into the headers, unless the message brings its own: an outbox row belongs to the trace that wrote it. */
export function injectTrace(headers: Record<string, string>): void {
  if (headers['traceparent'] === undefined) propagation.inject(context.active(), headers);
}

/** A producer span where someone will see it; else just the work. Messaging semantic conventions, `messaging.system` = nats. */
export async function producing<T>(subject: string, work: () => Promise<T>): Promise<T> {
  if (trace.getActiveSpan()?.isRecording() !== true) return work();
  const template = destinationTemplate(subject);
  const attributes = { ...common(subject, template), 'messaging.operation.type': 'send', 'messaging.operation.name': 'publish' };
  return tracer.startActiveSpan(`publish ${template}`, { kind: SpanKind.PRODUCER, attributes }, (span) => ended(span, work));
}

/**
 * Runs the work in the trace the message came with. A trace that is not sampled needs no span of ours, only its ids; a message
 * without a trace starts one.
 */
export function consuming<T>(
  subject: string,
  headers: MsgHdrs | undefined,
  consumer: string,
  work: () => Promise<T>,
): Promise<T> {
  const parent: Context = headers === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, headers, carrier);
  const remote = trace.getSpanContext(parent);
  if (remote !== undefined && (remote.traceFlags & 1) === 0) return context.with(parent, work);
  const template = destinationTemplate(subject);
  const attributes = {
    ...common(subject, template),
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'process',
    'messaging.consumer.group.name': consumer,
  };
  const span = tracer.startSpan(`process ${template}`, { kind: SpanKind.CONSUMER, attributes }, parent);
  return context.with(trace.setSpan(parent, span), () => ended(span, work));
}

function common(subject: string, template: string) {
  return { 'messaging.system': 'nats', 'messaging.destination.name': subject, 'messaging.destination.template': template };
}

async function ended<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
