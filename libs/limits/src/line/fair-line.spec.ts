import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FairLine, type Who } from './fair-line.js';

const who = (org: string, agent = `agent of ${org}`): Who => ({ org, agent });

function drain(line: FairLine<string>): string[] {
  const order: string[] = [];
  for (let next = line.shift(); next !== undefined; next = line.shift()) order.push(next);
  return order;
}

describe('a fair line', () => {
  it('lets another organization’s first in after one, however many are waiting', () => {
    const line = new FairLine<string>();
    for (let call = 0; call < 1_000; call++) line.push(who('busy'), `busy ${call}`);
    line.push(who('quiet'), 'quiet 0');
    expect([line.shift(), line.shift(), line.shift()]).toEqual(['busy 0', 'quiet 0', 'busy 1']);
  });

  it('takes the organizations in turn, inside one its agents, of one agent in order', () => {
    const line = new FairLine<string>();
    for (const [org, agent] of ['a1', 'a1', 'a1', 'a2', 'a2', 'b1', 'b1'].map((name) => [name.charAt(0), name] as const)) {
      line.push(who(org, agent), `${agent} ${line.length}`);
    }
    expect(drain(line)).toEqual(['a1 0', 'b1 5', 'a2 3', 'b1 6', 'a1 1', 'a2 4', 'a1 2']);
  });

  it('forgets who leaves, wherever he stands', () => {
    const line = new FairLine<string>();
    for (const name of ['one', 'two', 'three']) line.push(who('a'), name);
    line.remove(who('a'), 'one');
    line.remove(who('a'), 'one');
    line.remove(who('b'), 'two');
    expect(line.peek()).toBe('two');
    expect(line.length).toBe(2);
    expect(drain(line)).toEqual(['two', 'three']);
    expect(line.length).toBe(0);
  });

  it('lets nobody wait for more than one of each organization', () => {
    const arrival = fc.record({ org: fc.constantFrom('a', 'b', 'c', 'd'), agent: fc.constantFrom('1', '2', '3') });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 200 }), (arrivals) => {
        const line = new FairLine<Who>();
        for (const one of arrivals) line.push(one, { ...one });
        const orgs = new Set(arrivals.map(({ org }) => org)).size;
        const since = new Map<string, number>();
        let turn = 0;
        for (let next = line.shift(); next !== undefined; next = line.shift()) {
          expect(turn - (since.get(next.org) ?? 0)).toBeLessThan(orgs);
          since.set(next.org, ++turn);
        }
        expect(turn).toBe(arrivals.length);
      }),
    );
  });
});
