import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { ATTR_HTTP_REQUEST_METHOD, ATTR_HTTP_RESPONSE_STATUS_CODE, ATTR_HTTP_ROUTE } from '@opentelemetry/semantic-conventions';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface Traced {
  context: Context;
  span: Span;
}

const traced = new WeakMap<FastifyRequest, Traced>();

/** The trace a request belongs to: the caller's, when it sent a valid `traceparent`, else a new one. */
export function traceIdOf(request: FastifyRequest): string | undefined {
  return traced.get(request)?.span.spanContext().traceId;
}

/**
 * One server span per request (HTTP semantic conventions), active while the handler runs. It is entered after the body is read, as
 * the body's events come from the socket and would leave the context again.
 */
export function traceRequests(instance: FastifyInstance, tracer: Tracer): void {
  instance.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    const parent =
      request.headers['traceparent'] === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, request.headers);
    const attributes = { [ATTR_HTTP_REQUEST_METHOD]: request.method, [ATTR_HTTP_ROUTE]: route };
    const span = tracer.startSpan(`${request.method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent);
    traced.set(request, { span, context: trace.setSpan(parent, span) });
    done();
  });
  instance.addHook('preHandler', (request, _reply, done) => {
    const entry = traced.get(request);
    if (entry === undefined) done();
    else context.with(entry.context, done);
  });
}

export function endRequestSpan(request: FastifyRequest, reply: FastifyReply): void {
  const span = traced.get(request)?.span;
  if (span === undefined) return;
  if (span.isRecording()) {
    span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, reply.statusCode);
    if (reply.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
