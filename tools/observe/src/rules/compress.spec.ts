import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { compressDuration, compressExpression, compressRules } from './compress.js';

describe('compressDuration', () => {
  it('divides what Prometheus writes, units put together included', () => {
    expect(compressDuration('1h', 60)).toBe('60s');
    expect(compressDuration('2m', 60)).toBe('2s');
    expect(compressDuration('1h30m', 60)).toBe('90s');
    expect(compressDuration('3d', 60)).toBe('4320s');
    expect(compressDuration('15s', 60)).toBe('250ms');
  });

  it('never becomes nothing, which Prometheus refuses', () => {
    expect(compressDuration('1ms', 60)).toBe('1ms');
  });

  it('refuses what is no duration', () => {
    for (const text of ['', '5', '5 m', 'm5', '5x', '-5m']) expect(() => compressDuration(text, 60)).toThrow('is not a duration');
  });
});

describe('compressExpression', () => {
  it('divides ranges, subqueries and offsets', () => {
    expect(compressExpression('rate(a[5m])', 60)).toBe('rate(a[5s])');
    expect(compressExpression('max_over_time(a[1h:5m])', 60)).toBe('max_over_time(a[60s:5s])');
    expect(compressExpression('max_over_time(a[1h:])', 60)).toBe('max_over_time(a[60s:])');
    expect(compressExpression('a offset 1h or a offset -5m', 60)).toBe('a offset 60s or a offset -5s');
  });

  it('leaves thresholds, names and strings alone', () => {
    const kept = `job:a:rate5m{b=~"[5m] offset 1h",c='[5m]'} * 3600 > 60 and on (offset_5m) b == 5`;
    expect(compressExpression(kept, 60)).toBe(kept);
  });
});

describe('compressRules', () => {
  it('divides what Prometheus waits for, and changes nothing else of the file', () => {
    const text = `
groups:
  - name: a
    interval: 1m
    rules:
      - record: r:rate5m
        expr: rate(r[5m])
        labels: { window: 5m }
      - alert: A
        expr: r:rate5m > 3
        for: 2m
        keep_firing_for: 10m
        annotations: { summary: for 5m }
`;
    const expected = {
      groups: [
        {
          name: 'a',
          interval: '1s',
          rules: [
            { record: 'r:rate5m', expr: 'rate(r[5s])', labels: { window: '5m' } },
            { alert: 'A', expr: 'r:rate5m > 3', for: '2s', keep_firing_for: '10s', annotations: { summary: 'for 5m' } },
          ],
        },
      ],
    };
    expect(parse(compressRules(text, 60))).toEqual(expected);
  });

  it('refuses a file that is none of rules', () => {
    expect(() => compressRules('a: 1', 60)).toThrow();
  });
});
