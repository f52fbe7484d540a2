import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TooLate } from '../line/waiting-line.js';
import { createMemoryQuotaStore } from './memory-quota-store.js';
import { QuotaGate } from './quota-gate.js';
import type { QuotaStore, QuotaTerms } from './quota-store.js';

beforeEach(() => void jest.useFakeTimers({ now: 0 }));
afterEach(() => void jest.useRealTimers());
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

const LARGE: QuotaTerms = { limit: 1_000, windowMs: 60_000 };
const who = (org = 'a') => ({ org, agent: `agent of ${org}` });
const turn = (cost = 1, ms = 300_000, signal = new AbortController().signal) => ({ cost, until: performance.now() + ms, signal });

/** The store, and how often it was asked. */
function counted(tripMs = 0): QuotaStore & { leases: number; given: number } {
  const store = createMemoryQuotaStore();
  const counting = {
    leases: 0,
    given: 0,
    async lease(...asked: Parameters<QuotaStore['lease']>) {
      counting.leases++;
      const lease = await store.lease(...asked);
      if (tripMs > 0) await new Promise((resolve) => setTimeout(resolve, tripMs));
      return lease;
    },
    giveBack: (key: string, unused: { id: number; units: number }) => (
      (counting.given += unused.units),
      store.giveBack(key, unused)
    ),
    learn: store.learn,
  };
  return counting;
}

async function take(gate: QuotaGate, units: number): Promise<void> {
  for (let unit = 0; unit < units; unit++) if (gate.tryTake(1) === undefined) await gate.wait(who(), turn());
}

describe('the gate of a quota', () => {
  it('leases ahead what is used, so that hardly anybody waits for the store', async () => {
    const store = counted();
    const gate = new QuotaGate(store, 'k', LARGE);
    await take(gate, 600);
    expect(store.leases).toBeLessThan(40);
  });

  it('gives back what nobody used by the end of a lease, and asks for less then', async () => {
    const store = counted();
    const gate = new QuotaGate(store, 'k', LARGE);
    await take(gate, 100);
    await pass(2_000);
    expect(gate.idle).toBe(true);
    const { left } = await store.lease('k', LARGE, { least: 1, most: 1, lifeMs: 20 });
    expect(left).toBe(1_000 - 100 - 1);
  });

  it('asks for every unit of a small quota when it is needed, and for none ahead', async () => {
    const store = counted();
    const gate = new QuotaGate(store, 'k', { limit: 10, windowMs: 60_000 });
    await take(gate, 10);
    expect(store.leases).toBe(10);
    expect(store.given).toBe(0);
    expect(gate.left).toBe(0);
  });

  it('refuses at once who can not wait, saying how long it would be, and serves who can', async () => {
    const gate = new QuotaGate(createMemoryQuotaStore(), 'k', { limit: 2, windowMs: 10_000 });
    await take(gate, 2);
    await pass(100);
    const refused = await gate.wait(who(), turn(1, 5_000)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(TooLate);
    expect((refused as TooLate).waitMs).toBeGreaterThan(9_900);
    const again = await gate.wait(who(), turn(1, 5_000)).catch((error: unknown) => error);
    expect(again).toBeInstanceOf(TooLate);
    const served = gate.wait(who(), turn(1, 15_000));
    await pass(10_500);
    expect(await served).toHaveLength(1);
  });

  it('refuses at once who stands behind more than fits into his time', async () => {
    const gate = new QuotaGate(createMemoryQuotaStore(), 'k', { limit: 10, windowMs: 10_000 });
    await take(gate, 10);
    const patient = Array.from({ length: 20 }, () => gate.wait(who('a'), turn(1, 60_000)));
    await pass(10);
    await expect(gate.wait(who('b'), turn(1, 15_000))).rejects.toBeInstanceOf(TooLate);
    await pass(30_000);
    expect(await Promise.all(patient)).toHaveLength(20);
  });

  it('serves organizations and agents in turn', async () => {
    const gate = new QuotaGate(createMemoryQuotaStore(), 'k', { limit: 4, windowMs: 1_000 });
    await take(gate, 4);
    const served: string[] = [];
    const waits = ['a', 'a', 'a', 'a', 'b'].map((org) => gate.wait(who(org), turn()).then(() => served.push(org)));
    await pass(5_000);
    await Promise.all(waits);
    expect(served.indexOf('b')).toBe(1);
  });

  it('goes on when another replica gives back, long before the window ends', async () => {
    const store = createMemoryQuotaStore();
    const terms = { limit: 10, windowMs: 3_600_000 };
    const other = await store.lease('k', terms, { least: 10, most: 10, lifeMs: 10_000 });
    const gate = new QuotaGate(store, 'k', terms);
    const waiting = gate.wait(who(), turn(1, 7_200_000));
    await pass(10_000);
    await store.giveBack('k', { id: other.id, units: 4 });
    await pass(60_000);
    expect(await waiting).toHaveLength(1);
  });

  it('holds units as long as their lease and not longer, also where the store is slow', async () => {
    const store = counted(300);
    const gate = new QuotaGate(store, 'k', { limit: 100, windowMs: 1_000 });
    const waiting = gate.wait(who(), turn());
    await pass(301);
    // The first arrived lapsed: a longer one is asked for.
    await pass(301);
    expect(await waiting).toHaveLength(1);
    expect(store.given).toBe(1);
  });

  it('has units again that lapsed here, though the store has just said that there are none', async () => {
    const gate = new QuotaGate(createMemoryQuotaStore(), 'k', { limit: 1, windowMs: 60_000 });
    gate.putBack(await gate.wait(who(), turn()));
    const first = gate.tryTake(1) ?? [];
    await expect(gate.wait(who(), turn(1, 2_000))).rejects.toBeInstanceOf(TooLate);
    await pass(100);
    gate.putBack(first);
    await pass(700);
    expect(await gate.wait(who(), turn(1, 2_000))).toHaveLength(1);
  });

  it('has units again that were put back', async () => {
    const gate = new QuotaGate(createMemoryQuotaStore(), 'k', { limit: 1, windowMs: 60_000 });
    const taken = await gate.wait(who(), turn());
    expect(gate.tryTake(1)).toBeUndefined();
    gate.putBack(taken);
    expect(gate.tryTake(1)).toHaveLength(1);
  });

  it('takes what costs more than the quota as all of it', async () => {
    const gate = new QuotaGate(createMemoryQuotaStore(), 'k', { limit: 3, windowMs: 1_000 });
    const taken = await gate.wait(who(), turn(50));
    expect(taken.reduce((sum, { units }) => sum + units, 0)).toBe(3);
  });

  it('believes the provider where less is left, and tells the other replicas', async () => {
    const store = createMemoryQuotaStore();
    const [one, other] = [new QuotaGate(store, 'k', LARGE), new QuotaGate(store, 'k', LARGE)];
    await take(one, 10);
    await one.learn({ remaining: 2, resetMs: 30_000 });
    expect(one.left).toBe(2);
    await expect(other.wait(who(), turn(1, 10_000))).rejects.toBeInstanceOf(TooLate);
    await take(one, 2);
    expect(one.tryTake(1)).toBeUndefined();
    await other.learn({ remaining: 5_000, resetMs: 30_000 });
    await expect(other.wait(who(), turn(1, 10_000))).rejects.toBeInstanceOf(TooLate);
    await pass(30_000);
    await take(other, 1);
  });

  it('gives back everything at its end, and lets nobody wait who leaves', async () => {
    const store = counted();
    const gate = new QuotaGate(store, 'k', LARGE);
    await take(gate, 20);
    const controller = new AbortController();
    const full = new QuotaGate(store, 'full', { limit: 1, windowMs: 60_000 });
    await take(full, 1);
    const waiting = expect(full.wait(who(), turn(1, 120_000, controller.signal))).rejects.toThrow('drained');
    controller.abort(new Error('drained'));
    await waiting;
    await gate.close();
    expect((await store.lease('k', LARGE, { least: 1, most: 1, lifeMs: 20 })).left).toBe(979);
  });

  it('fails whoever waits when the store does, and works again when it does', async () => {
    const store = createMemoryQuotaStore();
    let isAway = true;
    const gate = new QuotaGate(
      { ...store, lease: (...asked) => (isAway ? Promise.reject(new Error('away')) : store.lease(...asked)) },
      'k',
      LARGE,
    );
    await expect(gate.wait(who(), turn())).rejects.toThrow('away');
    isAway = false;
    expect(await gate.wait(who(), turn())).toHaveLength(1);
  });
});
