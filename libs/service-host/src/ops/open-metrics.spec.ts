import { describe, expect, it } from '@jest/globals';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { openMetrics, prefersOpenMetrics } from './open-metrics.js';

/** What Prometheus sends since 2.x, and since 3.x. */
const PROMETHEUS_2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.4,*/*;q=0.2';

function registry() {
  const metrics = new Registry();
  metrics.setDefaultLabels({ service: 'spec' });
  const registers = [metrics];
  const calls = new Counter({ name: 'calls_total', help: 'Calls', labelNames: ['tool'], registers });
  const seconds = new Histogram({ name: 'seconds', help: 'Time', buckets: [0.5, 1], enableExemplars: true, registers: [] });
  metrics.registerMetric(seconds);
  new Gauge({ name: 'open', help: 'a\\b\nc', registers }).set(-Infinity);
  calls.inc({ tool: 'a"b\\c' });
  seconds.observe({ value: 0.7, exemplarLabels: { trace_id: 'f'.repeat(32) } });
  seconds.observe({ value: 7 });
  return metrics;
}

describe('metrics as OpenMetrics', () => {
  it('name a counter’s family without _total, write bounds as floats, end with EOF, and give exemplars', async () => {
    const lines = (await openMetrics(registry())).split('\n');
    expect(lines.slice(-2)).toEqual(['# EOF', '']);
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE calls counter',
        'calls_total{tool="a\\"b\\\\c",service="spec"} 1',
        '# HELP open a\\\\b\\nc',
        'open{service="spec"} -Inf',
        'seconds_bucket{le="0.5",service="spec"} 0',
        'seconds_bucket{le="+Inf",service="spec"} 2',
        'seconds_count{service="spec"} 2',
      ]),
    );
    const exemplar = /^seconds_bucket\{le="1\.0",service="spec"\} 1 # \{trace_id="f{32}"\} 0\.7 \d+(\.\d+)?$/;
    expect(lines.filter((line) => exemplar.test(line))).toHaveLength(1);
  });

  it('leave the text format as it was', async () => {
    const metrics = registry();
    const before = await metrics.metrics();
    await openMetrics(metrics);
    expect(await metrics.metrics()).toBe(before);
    expect(before).toContain('calls_total{');
    expect(before).not.toContain('trace_id');
  });
});

describe('the format of metrics', () => {
  it.each([
    [PROMETHEUS_2, true],
    [PROMETHEUS_3, true],
    ['application/openmetrics-text; version=1.0.0', true],
    ['application/openmetrics-text', true],
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['text/html,application/xhtml+xml,*/*;q=0.8', false],
    ['text/plain;version=0.0.4', false],
    ['application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.9', false],
    ['application/openmetrics-text;version=0.0.1', false],
    ['application/openmetrics-text;q=0', false],
    ['application/openmetrics-text;q=many', false],
  ])('is OpenMetrics only for who would rather have it: %s', (accept, isOpen) => {
    expect(prefersOpenMetrics(accept)).toBe(isOpen);
  });
});
