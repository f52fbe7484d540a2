import { describe, expect, it } from '@jest/globals';
import { loosen } from './loosen.js';
import type { Rule } from './rules.js';

function loosened(rule: Partial<Rule>, recordings: Rule[] = []): { exprs: string[]; waits: (string | undefined)[] } {
  const all = loosen({ name: 'A', rule: { alert: 'A', expr: 'up', ...rule }, recordings }).map(({ rules }) => rules.at(-1));
  return {
    exprs: all.map((one) => (one?.expr ?? '').replaceAll(/\s+/g, ' ').trim()),
    waits: all.map((one) => one?.for),
  };
}

describe('loosening an alert', () => {
  it('doubles and halves what is compared with, and turns the comparison round', () => {
    expect(loosened({ expr: 'a / b > 0.5' }).exprs).toEqual(['a / b < 0.5', 'a / b > 1', 'a / b > 0.25']);
  });

  it('goes to both sides of nothing', () => {
    expect(loosened({ expr: 'a > 0' }).exprs).toEqual(['a < 0', 'a > 1', 'a > -1']);
  });

  it('leaves label matchers alone', () => {
    expect(loosened({ expr: 'max(a{outcome!="ok", op="x or y > 5"})' }).exprs).toEqual([]);
  });

  it('leaves out each side of a condition, with the labels that it matches on', () => {
    expect(loosened({ expr: 'a and on (x) b unless c' }).exprs).toEqual(['a unless c', 'b unless c', 'a and on (x) b']);
  });

  it('leaves out conditions in parentheses', () => {
    expect(loosened({ expr: 'sum(a unless a offset b) * (c or on (x) d * 0)' }).exprs).toEqual([
      'sum(a ) * (c or on (x) d * 0)',
      'sum( a offset b) * (c or on (x) d * 0)',
      'sum(a unless a offset b) * (c )',
      'sum(a unless a offset b) * ( d * 0)',
    ]);
  });

  it('waits longer, and not at all', () => {
    expect(loosened({ for: '5m' }).waits).toEqual(['15m', undefined]);
    expect(loosened({}).waits).toEqual([]);
  });

  it('stretches all windows of one length together, those of what it stands on too', () => {
    const recorded = { record: 'r', expr: 'rate(a[1h]) / rate(b[5m])' };
    const found = loosen({ name: 'A', rule: { alert: 'A', expr: 'r and r offset 1h' }, recordings: [recorded] });
    expect(found.slice(2).map(({ rules }) => rules.map(({ expr }) => expr))).toEqual([
      ['rate(a[3h]) / rate(b[5m])', 'r and r offset 3h'],
      ['rate(a[1h]) / rate(b[15m])', 'r and r offset 1h'],
    ]);
  });

  it('tells every change apart', () => {
    const told = loosen({ name: 'A', rule: { alert: 'A', expr: 'a > 0 or b > 0', for: '2m' }, recordings: [] }).map(
      ({ what }) => what,
    );
    expect(new Set(told).size).toBe(told.length);
  });
});
