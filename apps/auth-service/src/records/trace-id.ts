import { randomBytes } from 'node:crypto';
import { isSpanContextValid, trace } from '@opentelemetry/api';

/** Of the request under way; a new one outside of any, as every audit event is found by a trace id. */
export function currentTraceId(): string {
  const span = trace.getActiveSpan()?.spanContext();
  return span !== undefined && isSpanContextValid(span) ? span.traceId : randomBytes(16).toString('hex');
}
