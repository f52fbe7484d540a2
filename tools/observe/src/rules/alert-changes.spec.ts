import { describe, expect, it } from '@jest/globals';
import type { Rule } from '../prometheus/api.js';
import { AlertChanges, describeChange } from './alert-changes.js';

const rules = (...alerts: { provider: string; state: 'pending' | 'firing' }[]): Rule[] => [
  { name: 'r', health: 'ok', type: 'recording' },
  {
    ...{ name: 'A', health: 'ok', type: 'alerting' },
    alerts: alerts.map(({ provider, state }) => ({
      ...{ labels: { alertname: 'A', provider }, annotations: { summary: provider }, state },
      ...{ activeAt: '2026-01-01T00:00:00Z', value: '1' },
    })),
  },
];

describe('AlertChanges', () => {
  it('tells each alert of a rule by itself, from inactive to firing and back', () => {
    const changes = new AlertChanges();
    const told = (now: Rule[]): string[] => changes.since(now).map(describeChange);
    expect(told(rules())).toEqual([]);
    expect(told(rules({ provider: 'x', state: 'pending' }))).toEqual(['A {provider="x"}: inactive → pending']);
    expect(told(rules({ provider: 'x', state: 'firing' }, { provider: 'y', state: 'pending' }))).toEqual([
      'A {provider="x"}: pending → firing',
      'A {provider="y"}: inactive → pending',
    ]);
    expect(told(rules({ provider: 'x', state: 'firing' }, { provider: 'y', state: 'pending' }))).toEqual([]);
    expect(told(rules({ provider: 'y', state: 'pending' }))).toEqual(['A {provider="x"}: firing → inactive']);
  });

  it('keeps what the alert said last, for one that is gone', () => {
    const changes = new AlertChanges();
    changes.since(rules({ provider: 'x', state: 'firing' }));
    expect(changes.since([])).toMatchObject([{ to: 'inactive', annotations: { summary: 'x' } }]);
  });
});
