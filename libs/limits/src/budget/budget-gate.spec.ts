import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BudgetGate, type TakenShare, type Taking } from './budget-gate.js';
import type { BudgetStore } from './budget-store.js';
import { MemoryBudgetStore } from './memory-budget-store.js';

const KEY = { org: 'org', budget: 'bgt', measure: 'calls' } as const;
const isTaken = (taking: Taking): taking is TakenShare => taking !== 'unlimited' && 'gate' in taking;

describe('a gate of a budget', () => {
  const gates: BudgetGate[] = [];
  const told: string[] = [];
  afterEach(async () => {
    await Promise.all(gates.splice(0).map((gate) => gate.close()));
    told.length = 0;
  });

  function gateOn(store: BudgetStore): BudgetGate {
    const gate = new BudgetGate({ store, key: KEY, onTold: (what) => told.push(...what) });
    gates.push(gate);
    return gate;
  }
  function limited(limit: number, stops = true): MemoryBudgetStore {
    const store = new MemoryBudgetStore();
    store.set(KEY, { limit, stops, warnAt: [0.8] });
    return store;
  }

  it('over several replicas lets through exactly what the limit is, whatever calls take and give back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 60 }),
        fc.array(fc.record({ replica: fc.nat(2), units: fc.integer({ min: 1, max: 3 }), isSent: fc.boolean() }), {
          maxLength: 80,
        }),
        async (limit, calls) => {
          const store = limited(limit);
          const replicas = [gateOn(store), gateOn(store), gateOn(store)] as const;
          let used = 0;
          for (const { replica, units, isSent } of calls) {
            const taking = await replicas[replica as 0 | 1 | 2].take(units);
            if (!isTaken(taking)) continue;
            if (isSent) used += units;
            else taking.gate.putBack(taking);
            expect(used).toBeLessThanOrEqual(limit);
          }
          await Promise.all(replicas.map((gate) => gate.close()));
          expect(store.usedOf(KEY)).toBe(used);
        },
      ),
    );
  });

  it('lets 100 of 300 calls through that two replicas make at once', async () => {
    const store = limited(100);
    const [one, other] = [gateOn(store), gateOn(store)];
    const takings = await Promise.all(Array.from({ length: 300 }, (_, index) => (index % 2 === 0 ? one : other).take(1)));
    expect(takings.filter(isTaken)).toHaveLength(100);
    expect(takings.filter((taking) => taking !== 'unlimited' && 'resetsAt' in taking)).toHaveLength(200);
    expect(told).toEqual(['warned', 'exceeded']);
  });

  it('asks nobody for most calls while the limit is far', async () => {
    const store = limited(1_000_000);
    let asked = 0;
    const gate = gateOn({
      lease: (key, request) => {
        asked++;
        return store.lease(key, request);
      },
      giveBack: (key, unused) => store.giveBack(key, unused),
    });
    let atOnce = 0;
    for (let call = 0; call < 10_000; call++) {
      const taking = gate.take(1);
      if (taking instanceof Promise) await taking;
      else atOnce++;
      if (call % 16 === 0) await new Promise(setImmediate);
    }
    expect(asked).toBeLessThan(100);
    expect(atOnce).toBeGreaterThan(9_900);
  });

  it('asks the store once a second and no more while nothing is left', async () => {
    const store = limited(1);
    let asked = 0;
    const gate = gateOn({ lease: (key, request) => (asked++, store.lease(key, request)), giveBack: async () => undefined });
    await gate.take(1);
    for (let call = 0; call < 100; call++) expect(await gate.take(1)).toMatchObject({ resetsAt: expect.any(String) });
    expect(asked).toBe(2);
  });

  it('has what was put back for the next call, after a refusal too', async () => {
    const gate = gateOn(limited(1));
    const first = await gate.take(1);
    expect(await gate.take(1)).toMatchObject({ resetsAt: expect.any(String) });
    if (isTaken(first)) gate.putBack(first);
    expect(isTaken(await gate.take(1))).toBe(true);
  });

  it('refuses a dear call and lets a cheap one through', async () => {
    const gate = gateOn(limited(10));
    const [dear, cheap] = await Promise.all([gate.take(11), gate.take(10)]);
    expect(isTaken(dear)).toBe(false);
    expect(isTaken(cheap)).toBe(true);
  });

  it('begins anew with the next period, and keeps nothing of the one before', async () => {
    let now = 0;
    const hour = 3_600_000;
    const store = new MemoryBudgetStore(
      (at) => ({ startsAt: Math.floor(at / hour) * hour, endsAt: (Math.floor(at / hour) + 1) * hour }),
      () => now,
    );
    store.set(KEY, { limit: 1, stops: true, warnAt: [] });
    now = hour - 1;
    const gate = gateOn(store);
    const last = await gate.take(1);
    expect(isTaken(last)).toBe(true);
    now = hour;
    // The period ends on the store's clock, of which this process was told that 1 ms was left.
    const ended = performance.now() + 2;
    while (performance.now() < ended);
    expect(isTaken(await gate.take(1))).toBe(true);
    if (isTaken(last)) gate.putBack(last);
    expect(isTaken(await gate.take(1))).toBe(false);
  });

  it('tells whoever waits that the store is away, and asks again for the next', async () => {
    const store = limited(10);
    let isAway = true;
    const gate = gateOn({
      lease: async (key, request) => {
        if (isAway) throw new Error('away');
        return store.lease(key, request);
      },
      giveBack: async () => undefined,
    });
    await expect(gate.take(1)).rejects.toThrow('away');
    isAway = false;
    expect(isTaken(await gate.take(1))).toBe(true);
  });

  it('limits nothing once the limit is gone', async () => {
    const gate = gateOn(new MemoryBudgetStore());
    expect(await gate.take(1)).toBe('unlimited');
    expect(gate.take(5)).toBe('unlimited');
  });
});
