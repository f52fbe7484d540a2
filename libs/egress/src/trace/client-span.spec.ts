import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { HostileServer } from '@keyward/testing/hostile-server';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { createEgress, type Egress, type EgressRequest } from '../index.js';

const exporter = new InMemorySpanExporter();
const provider = new TracerProvider({ sampler: new AlwaysOnSampler(), spanProcessors: [new SimpleSpanProcessor({ exporter })] });
const tracer = provider.getTracer('test');

let server: HostileServer;
let egress: Egress;
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
});
afterAll(() => {
  context.disable();
  propagation.disable();
  trace.disable();
});
beforeEach(async () => {
  exporter.reset();
  server = await HostileServer.start();
  egress = createEgress({ privateOrigins: [server.origin] });
});
afterEach(async () => {
  await egress.close();
  await server.stop();
});

const request = (more: Partial<EgressRequest> = {}): EgressRequest => ({
  ...{ provider: 'acme', origins: [server.origin], method: 'GET', url: `${server.origin}/things/canary?q=canary` },
  ...{ urlTemplate: '/things/{id}', headers: {}, timeoutMs: 5_000, maxBytes: 1_000 },
  ...more,
});

const seen = () => server.requests.map(({ headers }) => headers['traceparent']);

describe('a request in a trace', () => {
  it('is a client span below the active one, without path and query', async () => {
    await tracer.startActiveSpan('outer', async (outer) => {
      await egress.send(request());
      outer.end();
    });
    const [client, outer] = exporter.getFinishedSpans();
    expect(client).toMatchObject({ name: 'GET /things/{id}', kind: SpanKind.CLIENT });
    expect(client?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(client?.attributes).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
      'server.port': server.port,
      'url.scheme': 'http',
      'url.template': '/things/{id}',
      'keyward.provider': 'acme',
    });
  });

  it('shows no credential, wherever in the request that stands', async () => {
    const secret = 'kw-canary-secret-0123456789';
    for (const credential of [
      { in: 'query', name: 'key', secret },
      { in: 'basic', template: 'ada:${secret}', secret },
      { in: 'body', name: 'key', secret },
    ] as const) {
      await egress.send(request({ credential, method: 'POST' }));
    }
    const spans = exporter.getFinishedSpans();
    expect(spans).toHaveLength(3);
    expect(inspect(spans, { depth: 6 })).not.toContain('canary-secret');
  });

  it('tells a third party nothing of it, and a provider of the house its own span', async () => {
    await tracer.startActiveSpan('outer', async (outer) => {
      await egress.send(request());
      await egress.send(request({ propagateTrace: true }));
      outer.end();
    });
    const client = exporter.getFinishedSpans()[1]?.spanContext();
    expect(seen()).toEqual([undefined, `00-${client?.traceId}-${client?.spanId}-01`]);
  });

  it('that is not recorded costs no span, and still tells the house its ids', async () => {
    const remote = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 0 };
    await context.with(trace.setSpanContext(context.active(), remote), async () => {
      await egress.send(request());
      await egress.send(request({ propagateTrace: true }));
    });
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(seen()).toEqual([undefined, `00-${remote.traceId}-${remote.spanId}-00`]);
  });

  it('says what went wrong', async () => {
    server.answer = (_incoming, response) => response.writeHead(503).end();
    await egress.send(request());
    await expect(egress.send(request({ timeoutMs: 0 }))).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(exporter.getFinishedSpans().map(({ attributes, status }) => [attributes['error.type'], status.code])).toEqual([
      ['503', SpanStatusCode.ERROR],
      ['deadline_exceeded', SpanStatusCode.ERROR],
    ]);
  });
});
