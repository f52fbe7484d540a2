import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Tracer,
} from '@opentelemetry/api';
import { asKeywardError, headers } from '@keyward/contracts';
import type { MsgHdrs } from '@nats-io/transport-node';

/** W3C Trace Context level 1, section 3.2: version 00, ids not all zero. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The one header of an agent's message that is looked at, and only where it is exactly what it should be. */
export function parentContext(sent: MsgHdrs | undefined): Context {
  const values = sent?.values(headers.traceparent) ?? [];
  const [traceparent] = values;
  if (values.length !== 1 || traceparent === undefined || !TRACEPARENT.test(traceparent)) return ROOT_CONTEXT;
  return propagation.extract(ROOT_CONTEXT, { traceparent });
}

/** One span for one message taken from an agent (OpenTelemetry semantic conventions for messaging), active while `work` runs. */
export async function traced(tracer: Tracer, template: string, parent: Context, work: () => Promise<void>): Promise<void> {
  const attributes = {
    'messaging.system': 'nats',
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'process',
    'messaging.destination.template': template,
  };
  const span = tracer.startSpan(`process ${template}`, { kind: SpanKind.CONSUMER, attributes }, parent);
  try {
    await context.with(trace.setSpan(parent, span), work);
  } catch (error) {
    span.setAttribute('error.type', asKeywardError(error).code);
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
