import { randomBytes } from 'node:crypto';
import { context, isSpanContextValid, trace } from '@opentelemetry/api';

/** Of the trace that this work belongs to, 32 hex digits; a fresh one where there is none, as an audit event needs one to be found by. */
export function currentTraceId(): string {
  const span = trace.getSpan(context.active())?.spanContext();
  return span !== undefined && isSpanContextValid(span) ? span.traceId : randomBytes(16).toString('hex');
}
