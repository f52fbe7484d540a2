import { describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { KeepErrors } from './keep-errors.js';

function tracing() {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor({ exporter })];
  const keeping = new KeepErrors({
    sampleRatio: 0,
    exporting: (idGenerator) => new TracerProvider({ sampler: new AlwaysOnSampler(), idGenerator, spanProcessors }),
  });
  return { exporter, tracer: keeping.getTracer('spec', '1') };
}

describe('a span that was held and failed', () => {
  it('is exported with all that it was told, in the order it was told it', () => {
    const { exporter, tracer } = tracing();
    const parent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 0, isRemote: true };
    const below = trace.setSpanContext(ROOT_CONTEXT, parent);
    const span = tracer.startSpan('first', { kind: SpanKind.CLIENT, attributes: { a: 1, b: 1 } }, below);
    span.setAttribute('b', 2).setAttributes({ c: 3 }).updateName('second').addEvent('seen', { d: 4 });
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'why' });
    span.recordException(new TypeError('wrong'));
    span.end();
    span.setAttribute('late', true).end();
    expect(exporter.getFinishedSpans()).toHaveLength(1);
    expect(exporter.getFinishedSpans()[0]).toMatchObject({
      ...{ name: 'second', kind: SpanKind.CLIENT, attributes: { a: 1, b: 2, c: 3 }, parentSpanContext: parent, ended: true },
      status: { code: SpanStatusCode.ERROR, message: 'why' },
      events: [{ name: 'seen', attributes: { d: 4 } }, { name: 'exception' }],
      instrumentationScope: { name: 'spec', version: '1' },
    });
    expect(exporter.getFinishedSpans()[0]?.attributes).not.toHaveProperty('late');
    expect(exporter.getFinishedSpans()[0]?.spanContext()).toMatchObject({
      traceId: parent.traceId,
      spanId: span.spanContext().spanId,
    });
  });

  it('began and ended when it did, not when it is exported', () => {
    const { exporter, tracer } = tracing();
    const root = tracer.startSpan('root', {}, ROOT_CONTEXT);
    const [startTime, endTime] = [1_700_000_000_000, 1_700_000_000_250];
    tracer.startSpan('child', { startTime }, trace.setSpan(ROOT_CONTEXT, root)).end(endTime);
    root.setStatus({ code: SpanStatusCode.ERROR }).end();
    const [child, whole] = exporter.getFinishedSpans();
    expect(child).toMatchObject({ startTime: [1_700_000_000, 0], endTime: [1_700_000_000, 250_000_000] });
    expect(Math.abs((whole?.startTime[0] ?? 0) - Date.now() / 1_000)).toBeLessThan(60);
  });

  it('gives what its work gives, in each form of startActiveSpan', () => {
    const { exporter, tracer } = tracing();
    const fail = (result: number) => (span: { setStatus(status: { code: SpanStatusCode }): unknown; end(): void }) => {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
      return result;
    };
    expect(tracer.startActiveSpan('one', fail(1))).toBe(1);
    expect(tracer.startActiveSpan('two', { kind: SpanKind.CONSUMER }, fail(2))).toBe(2);
    expect(tracer.startActiveSpan('three', {}, ROOT_CONTEXT, fail(3))).toBe(3);
    expect(exporter.getFinishedSpans().map(({ name, kind }) => [name, kind])).toEqual([
      ['one', SpanKind.INTERNAL],
      ['two', SpanKind.CONSUMER],
      ['three', SpanKind.INTERNAL],
    ]);
  });
});
