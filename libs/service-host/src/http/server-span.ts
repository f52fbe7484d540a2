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
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface Traced {
  context: Context;
  span: Span;
}

/** The methods that the semantic conventions know; whatever else a stranger sends is one. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']);
const OTHER_METHOD = '_OTHER';

const traced = new WeakMap<FastifyRequest, Traced>();

/** The trace a request belongs to: the caller's, when it sent a valid `traceparent`, else a new one. */
export function traceIdOf(request: FastifyRequest): string | undefined {
  return traced.get(request)?.span.spanContext().traceId;
}

export function methodOf({ method }: Pick<FastifyRequest, 'method'>): string {
  return METHODS.has(method) ? method : OTHER_METHOD;
}

/**
 * One server span per request (HTTP semantic conventions), active while the handler runs. Path and query are left out, though the
 * conventions ask for them: links to connect have their secret there. It is entered after the body is read, as the body's events come from
 * the socket and would leave the context again.
 */
export function traceRequests(instance: FastifyInstance, tracer: Tracer): void {
  instance.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url;
    const method = methodOf(request);
    const parent =
      request.headers['traceparent'] === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, request.headers);
    const name = route === undefined ? (method === OTHER_METHOD ? 'HTTP' : method) : `${method} ${route}`;
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, parent);
    if (span.isRecording()) {
      span.setAttributes({
        [ATTR_HTTP_REQUEST_METHOD]: method,
        [ATTR_URL_SCHEME]: request.protocol,
        [ATTR_NETWORK_PROTOCOL_VERSION]: request.raw.httpVersion,
        ...(route === undefined ? {} : { [ATTR_HTTP_ROUTE]: route }),
      });
    }
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
    if (reply.statusCode >= 500) {
      span.setAttribute(ATTR_ERROR_TYPE, String(reply.statusCode));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
  }
  span.end();
}
