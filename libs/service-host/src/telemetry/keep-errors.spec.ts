import { describe, expect, it } from '@jest/globals';
import { context, ROOT_CONTEXT, SpanStatusCode, trace, TraceFlags, type Context, type Span } from '@opentelemetry/api';
import { AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { KeepErrors, type KeepErrorsOptions } from './keep-errors.js';

/** Sampled at this ratio; `start` gives a span below another one. */
function tracing(sampleRatio: number, options: Partial<KeepErrorsOptions> = {}) {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor({ exporter })];
  const keeping = new KeepErrors({
    sampleRatio,
    exporting: (idGenerator) => new TracerProvider({ sampler: new AlwaysOnSampler(), idGenerator, spanProcessors }),
    ...options,
  });
  const tracer = keeping.getTracer('spec');
  const start = (name: string, parent?: Span | Context, startTime?: number) => {
    const below = parent === undefined ? ROOT_CONTEXT : 'spanContext' in parent ? trace.setSpan(ROOT_CONTEXT, parent) : parent;
    return tracer.startSpan(name, startTime === undefined ? {} : { startTime }, below);
  };
  const names = () => exporter.getFinishedSpans().map(({ name }) => name);
  return { exporter, keeping, tracer, start, names };
}

const fail = (span: Span) => {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
};

describe('spans of a trace that is not sampled', () => {
  it('are forgotten when nothing failed', () => {
    const { keeping, start, names } = tracing(0);
    const root = start('root');
    start('child', root).end();
    root.end();
    expect(names()).toEqual([]);
    expect(keeping.size).toBe(0);
  });

  it('are all exported when one of them failed: those that ended before it, and those that end later', () => {
    const { keeping, start, names, exporter } = tracing(0);
    const root = start('root');
    start('before', root).end();
    const child = start('child', root);
    fail(start('failed', child));
    start('after', root).end();
    child.end();
    root.end();
    expect(names()).toEqual(['before', 'failed', 'after', 'child', 'root']);
    expect(keeping.size).toBe(0);
    const [traceIds, parents] = [new Set<string>(), new Set<string | undefined>()];
    for (const span of exporter.getFinishedSpans()) {
      traceIds.add(span.spanContext().traceId);
      parents.add(span.parentSpanContext?.spanId);
      expect(span.spanContext().traceFlags).toBe(TraceFlags.SAMPLED);
    }
    expect(traceIds.size).toBe(1);
    expect(parents).toEqual(new Set([undefined, root.spanContext().spanId, child.spanContext().spanId]));
  });

  it('say nothing about another request, also of the same trace', () => {
    const { start, names } = tracing(0);
    const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.NONE, isRemote: true };
    const caller = trace.setSpanContext(ROOT_CONTEXT, remote);
    const [good, bad] = [start('good', caller), start('bad', caller)];
    start('work', good).end();
    fail(bad);
    good.end();
    expect(names()).toEqual(['bad']);
  });

  it('are exported where a child that outlives its root fails', () => {
    const { keeping, start, names } = tracing(0);
    const root = start('root');
    const late = start('late', root);
    root.end();
    fail(late);
    expect(names()).toEqual(['root', 'late']);
    expect(keeping.size).toBe(0);
  });

  it('are exported where the root was slow, and only the root’s duration counts', () => {
    const { start, names } = tracing(0, { slowMs: 500 });
    const root = start('slow root', undefined, Date.now() - 1_000);
    start('child', root).end();
    root.end();
    const quick = start('quick root');
    start('slow child', quick, Date.now() - 1_000).end();
    quick.end();
    expect(names()).toEqual(['child', 'slow root']);
  });

  it('are held up to a bound over all requests; the oldest is given up and the newest kept', () => {
    const { keeping, start, names } = tracing(0, { maxSpans: 20 });
    const never = Array.from({ length: 50 }, (_, n) => start(`open ${n}`));
    expect(keeping.size).toBeLessThanOrEqual(20);
    for (const [n, span] of never.entries()) if (n % 10 === 9) fail(span);
    expect(names()).toEqual(['open 39', 'open 49']);
  });

  it('are held up to a bound for one request', () => {
    const { keeping, start, names } = tracing(0, { maxSpansEach: 5 });
    const root = start('root');
    for (let n = 0; n < 1_000; n++) start('step', root).end();
    expect(keeping.size).toBeLessThanOrEqual(6);
    fail(root);
    expect(names()).toEqual(['step', 'step', 'step', 'step', 'step', 'root']);
    expect(keeping.size).toBe(0);
  });
});

describe('spans of a sampled trace', () => {
  it('are exported at once, and nothing of them is held', () => {
    const { keeping, start, names } = tracing(1);
    const root = start('root');
    start('child', root).end();
    expect(names()).toEqual(['child']);
    expect(keeping.size).toBe(0);
    root.end();
    expect(names()).toEqual(['child', 'root']);
  });

  it('are as many as the ratio says, and the same traces in every service', () => {
    const one = tracing(0.1);
    const two = tracing(0.1);
    let sampled = 0;
    for (let n = 0; n < 2_000; n++) {
      const root = one.start('root');
      if ((root.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0) sampled += 1;
      const remote = trace.setSpanContext(context.active(), { ...root.spanContext(), isRemote: true });
      expect(two.start('elsewhere', remote).spanContext().traceFlags).toBe(root.spanContext().traceFlags);
    }
    expect(sampled / 2_000).toBeGreaterThan(0.05);
    expect(sampled / 2_000).toBeLessThan(0.15);
  });
});
