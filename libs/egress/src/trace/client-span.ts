import { context, propagation, SpanKind, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';
import type { EgressRequest } from '../egress.js';
import type { EgressError } from '../egress-error.js';

const tracer = trace.getTracer('@keyward/egress');

/** A client span of one hop, and the headers that tell the provider of it, if it may know. */
export interface ClientSpan {
  headers: Readonly<Record<string, string>>;
  end(status: number | undefined, error: EgressError | undefined): void;
}

const NO_HEADERS = Object.freeze({});
const SILENT: ClientSpan = { headers: NO_HEADERS, end: () => undefined };

/** HTTP semantic conventions, without path and query: those hold arguments. */
export function startClientSpan(request: EgressRequest, url: URL): ClientSpan {
  const active = context.active();
  const parent = trace.getSpan(active);
  if (parent !== undefined && !parent.isRecording()) {
    return request.propagateTrace === true ? { headers: inject(active), end: SILENT.end } : SILENT;
  }
  const template = request.urlTemplate;
  const span = tracer.startSpan(template === undefined ? request.method : `${request.method} ${template}`, {
    kind: SpanKind.CLIENT,
    attributes: {
      'http.request.method': request.method,
      'server.address': url.hostname,
      'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
      'url.scheme': url.protocol.slice(0, -1),
      'keyward.provider': request.provider,
      ...(template === undefined ? {} : { 'url.template': template }),
    },
  });
  return {
    headers: request.propagateTrace === true ? inject(trace.setSpan(active, span)) : NO_HEADERS,
    end: (status, error) => endSpan(span, status, error),
  };
}

function inject(of: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(of, headers);
  return headers;
}

function endSpan(span: Span, status: number | undefined, error: EgressError | undefined): void {
  if (status !== undefined) span.setAttribute('http.response.status_code', status);
  if (error !== undefined || (status ?? 0) >= 400) {
    span.setAttribute('error.type', error?.code ?? String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
