import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { streams, subjects } from '@keyward/contracts';
import { testNats, waitFor, type TestNats } from '@keyward/testing';
import type { NatsConnection } from '@nats-io/transport-node';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { connectNats } from './connect.js';
import { createPublisher } from './publisher.js';
import { JetStreamServer } from './server/jetstream-server.js';
import { destinationTemplate } from './spans.js';
import { ensureTopology } from './topology.js';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const PROCESS = 'process execution.requested.*.*.*';
const SUBJECT = subjects.executionRequested('org_a', 'agt_a', 'exe_a');

describe('messaging spans', () => {
  const exporter = new InMemorySpanExporter();
  const seen = new Map<number, string | undefined>();
  let nats: TestNats;
  let nc: NatsConnection;
  let server: JetStreamServer;

  beforeAll(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    nats = await testNats();
    nc = await connectNats({ servers: [nats.url], name: 'spans-spec' });
    await ensureTopology(nc);
    server = new JetStreamServer({
      ...{ nc, logger: quiet, stream: streams.executions, durable: 'executor', filter: subjects.executionRequestedAll },
      ...{ concurrency: 4, ackWaitMs: 5000, maxDeliver: 1 },
    });
    const handler = async ({ n, fail }: { n: number; fail?: boolean }) => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.set(n, trace.getActiveSpan()?.spanContext().traceId);
      if (fail === true) throw new Error('failed');
    };
    server.addHandler(subjects.executionRequestedAll, handler as never, true);
    await new Promise<void>((resolve) => server.listen(() => resolve()));
  });
  afterAll(async () => {
    await server.close();
    await nc.close();
    await nats.stop();
    for (const api of [trace, context, propagation]) api.disable();
  });

  const publish = (n: number, more: object = {}, headers?: Record<string, string>) =>
    createPublisher(nc).publish(SUBJECT, { n, ...more }, { msgId: `s-${n}`, ...(headers === undefined ? {} : { headers }) });
  const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);

  it('join publisher and handler in one trace, under the template of the subject', async () => {
    exporter.reset();
    const traceId = await trace.getTracer('spec').startActiveSpan('call', async (span) => {
      await publish(1);
      span.end();
      return span.spanContext().traceId;
    });
    const [processed] = await waitFor(() => (named(PROCESS).length === 1 ? named(PROCESS) : undefined));
    const [published] = named('publish execution.requested.*.*.*');
    expect(published).toMatchObject({
      kind: SpanKind.PRODUCER,
      attributes: { 'messaging.system': 'nats', 'messaging.operation.type': 'send' },
    });
    expect(processed).toMatchObject({
      kind: SpanKind.CONSUMER,
      attributes: { 'messaging.destination.template': 'execution.requested.*.*.*', 'messaging.consumer.group.name': 'executor' },
    });
    expect(processed?.parentSpanContext?.spanId).toBe(published?.spanContext().spanId);
    expect(new Set([traceId, seen.get(1), processed?.spanContext().traceId])).toEqual(new Set([traceId]));
  });

  it('carry on a trace that is not sampled without recording anything', async () => {
    exporter.reset();
    const traceId = 'c'.repeat(32);
    await publish(2, {}, { traceparent: `00-${traceId}-${'d'.repeat(16)}-00` });
    await waitFor(() => seen.get(2) === traceId);
    // A later message that is recorded shows that the earlier one, long done, was not.
    await publish(3, {}, { traceparent: `00-${'e'.repeat(32)}-${'d'.repeat(16)}-01` });
    const [only, ...others] = await waitFor(() =>
      exporter.getFinishedSpans().length > 0 ? exporter.getFinishedSpans() : undefined,
    );
    expect(only?.spanContext().traceId).toBe('e'.repeat(32));
    expect(others).toEqual([]);
  });

  it('begin a trace for a message that brings none, and show that its handler failed', async () => {
    exporter.reset();
    await publish(4, { fail: true });
    const [span] = await waitFor(() => (named(PROCESS).length > 0 ? named(PROCESS) : undefined));
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'internal' });
    expect(seen.get(4)).toBe(span?.spanContext().traceId);
  });

  it('name subjects by their pattern, never by what stands in them', () => {
    expect(destinationTemplate('execution.completed.org_a.agt_a.exe_1')).toBe('execution.completed.*.*.*');
    expect(destinationTemplate('audit.org_a')).toBe('audit.*');
    expect(destinationTemplate('credential.refresh.sandbox')).toBe('credential.refresh.*');
    expect(destinationTemplate('auth.v1.create_connect_session')).toBe('auth.v1.create_connect_session');
  });
});
