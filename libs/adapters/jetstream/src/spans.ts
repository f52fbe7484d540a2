import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';
import { asKeywardError } from '@keyward/contracts';
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
 * Runs the work in the trace the message came with; a message without one starts one. Where nothing is recorded there are only its ids.
 * What is not sampled may be recorded all the same, in case it fails.
 */
export function consuming<T>(
  subject: string,
  headers: MsgHdrs | undefined,
  consumer: string,
  work: () => Promise<T>,
): Promise<T> {
  const parent: Context = headers === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, headers, carrier);
  const span = tracer.startSpan('process', { kind: SpanKind.CONSUMER }, parent);
  const active = trace.setSpan(parent, span);
  if (!span.isRecording()) return context.with(active, work);
  const template = destinationTemplate(subject);
  span.updateName(`process ${template}`).setAttributes({
    ...common(subject, template),
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'process',
    'messaging.consumer.group.name': consumer,
  });
  return context.with(active, () => ended(span, work));
}

function common(subject: string, template: string) {
  return { 'messaging.system': 'nats', 'messaging.destination.name': subject, 'messaging.destination.template': template };
}

async function ended<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    span.setAttribute('error.type', asKeywardError(error).code);
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
