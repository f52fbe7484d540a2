import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { context, trace, TraceFlags } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { Registry } from 'prom-client';
import { openMetrics } from '../ops/open-metrics.js';
import { histogramWithExemplars } from './exemplar.js';

describe('an exemplar', () => {
  beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
  afterAll(() => context.disable());

  const traceId = 'c'.repeat(32);
  const scrape = async (traceFlags: TraceFlags | undefined) => {
    const registry = new Registry();
    const observe = histogramWithExemplars<'tool'>(registry, { name: 's', help: 'S', labelNames: ['tool'], buckets: [1, 2] });
    const active = context.active();
    const span =
      traceFlags === undefined ? active : trace.setSpanContext(active, { traceId, spanId: 'd'.repeat(16), traceFlags });
    context.with(span, () => observe({ tool: 'a' }, 1.5));
    expect(await registry.metrics()).toContain('s_bucket{le="2",tool="a"} 1\n');
    return openMetrics(registry);
  };

  it('names the sampled trace in whose context a value was measured, on its bucket alone', async () => {
    const lines = (await scrape(TraceFlags.SAMPLED)).split('\n').filter((line) => line.includes(traceId));
    expect(lines).toEqual([
      expect.stringMatching(/^s_bucket\{le="2\.0",tool="a"\} 1 # \{trace_id="c{32}",span_id="d{16}"\} 1\.5 /),
    ]);
  });

  it.each([TraceFlags.NONE, undefined])('names no trace that was not exported (flags: %s)', async (flags) => {
    expect(await scrape(flags)).not.toContain(' # {');
  });
});
