import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { QuotaStore, QuotaTerms } from '../quota/quota-store.js';
import { mostInAnyWindow } from './most-in-any-window.js';

export interface QuotaReplicas {
  /** Three, as three processes have them. */
  readonly stores: readonly [QuotaStore, QuotaStore, QuotaStore];
  stop(): Promise<void>;
}

const LIFE_MS = 50;
const GIVE_UP_MS = 15_000;
/** Long enough that nothing is free again while a test runs. */
const HOUR: QuotaTerms = { limit: 100, windowMs: 3_600_000 };
const all = (units: number) => ({ least: units, most: units, lifeMs: LIFE_MS });

let replicas: QuotaReplicas;
let [one, two, three]: QuotaStore[] = [];
let keys = 0;
let key: string;

/** What every implementation of the port must do; on each of them the same. */
export function describeQuotaStore(name: string, start: () => Promise<QuotaReplicas>): void {
  describe(`quotas in ${name}`, () => {
    beforeAll(async () => {
      replicas = await start();
      [one, two, three] = replicas.stores;
    });
    afterAll(() => replicas.stop());
    beforeEach(() => void (key = `org_1 ${name} ${keys++}`));

    leases();
    concurrency();
    returns();
    news();
  });
}

function leases(): void {
  it('are shared by all replicas, and used up by all together', async () => {
    expect(await one?.lease(key, HOUR, all(60))).toMatchObject({ granted: 60, left: 40, waitMs: 0 });
    expect(await two?.lease(key, HOUR, all(30))).toMatchObject({ granted: 30, left: 10 });
    const refused = await three?.lease(key, HOUR, all(11));
    expect(refused).toMatchObject({ granted: 0, left: 10 });
    expect(refused?.waitMs).toBeGreaterThan(HOUR.windowMs - 10_000);
    expect(refused?.waitMs).toBeLessThanOrEqual(HOUR.windowMs * 1.02 + LIFE_MS);
    expect(await three?.lease(key, HOUR, all(10))).toMatchObject({ granted: 10, left: 0 });
  });

  it('grant no more than a quarter of what is left, but what is needed', async () => {
    const asked = { least: 1, most: 100, lifeMs: LIFE_MS };
    const granted: (number | undefined)[] = [];
    for (let turn = 0; turn < 4; turn++) granted.push((await replicas.stores[turn % 3]?.lease(key, HOUR, asked))?.granted);
    expect(granted).toEqual([25, 18, 14, 10]);
    expect(await one?.lease(key, HOUR, { ...asked, least: 30 })).toMatchObject({ granted: 30, left: 3 });
    expect(await one?.lease(key, HOUR, asked)).toMatchObject({ granted: 1 });
  });

  it('of different keys have nothing to do with each other', async () => {
    await one?.lease(key, HOUR, all(100));
    expect(await one?.lease(`${key} other`, HOUR, all(100))).toMatchObject({ granted: 100 });
  });
}

function concurrency(): void {
  it('are not exceeded by those who ask at the same time', async () => {
    for (const limit of [7, 100]) {
      const asked = Array.from({ length: 60 }, (_, index) =>
        replicas.stores[index % 3]?.lease(`${key} of ${limit}`, { ...HOUR, limit }, { least: 1, most: 5, lifeMs: LIFE_MS }),
      );
      const granted = (await Promise.all(asked)).reduce((sum, lease) => sum + (lease?.granted ?? 0), 0);
      expect(granted).toBe(limit);
    }
  });

  it('are never exceeded in any window, and used up all the same', async () => {
    await Promise.all([3, 7, 60, 400].map((limit) => useUp(`${key} of ${limit}`, { limit, windowMs: 400 })));
  });
}

/** Three replicas, until three windows are used up. */
async function useUp(of: string, terms: QuotaTerms): Promise<void> {
  const moments: number[] = [];
  const began = performance.now();
  const most = Math.max(1, Math.floor(terms.limit / 20));
  const isDone = () => moments.length >= 3 * terms.limit || performance.now() - began > GIVE_UP_MS;
  const loop = async (store: QuotaStore) => {
    while (!isDone()) {
      const asked = performance.now();
      const lease = await store.lease(of, terms, { least: 1, most, lifeMs: LIFE_MS });
      const now = performance.now();
      if (now < asked + LIFE_MS) for (let unit = 0; unit < lease.granted; unit++) moments.push(now);
      else if (lease.granted > 0) await store.giveBack(of, { id: lease.id, units: lease.granted });
      if (lease.granted === 0) await delay(lease.waitMs);
    }
  };
  await Promise.all(replicas.stores.map(loop));
  moments.sort((a, b) => a - b);
  expect(mostInAnyWindow(moments, terms.windowMs)).toBeLessThanOrEqual(terms.limit);
  expect(moments.length).toBeGreaterThanOrEqual(terms.limit * 3);
}

function returns(): void {
  it('have again at once what is given back', async () => {
    const lease = await one?.lease(key, HOUR, all(90));
    await one?.giveBack(key, { id: lease?.id ?? 0, units: 50 });
    expect(await two?.lease(key, HOUR, all(61))).toMatchObject({ granted: 0, left: 60 });
    expect(await two?.lease(key, HOUR, all(60))).toMatchObject({ granted: 60 });
  });

  it('gain nothing from units that were never leased', async () => {
    const lease = await one?.lease(key, HOUR, all(100));
    await one?.giveBack(key, { id: (lease?.id ?? 0) + 1, units: 50 });
    await one?.giveBack(`${key} of nobody`, { id: lease?.id ?? 0, units: 50 });
    expect(await two?.lease(key, HOUR, all(1))).toMatchObject({ granted: 0 });
    await one?.giveBack(key, { id: lease?.id ?? 0, units: 5_000 });
    expect(await two?.lease(key, HOUR, all(101))).toMatchObject({ granted: 0, left: 100 });
  });
}

function news(): void {
  it('are as low as the provider says, until it begins anew', async () => {
    await one?.lease(key, HOUR, all(20));
    await two?.learn(key, { remaining: 5, resetMs: 1_000 });
    const refused = await three?.lease(key, HOUR, all(6));
    expect(refused).toMatchObject({ granted: 0, left: 5 });
    expect(refused?.waitMs).toBeLessThanOrEqual(1_000);
    const lease = await three?.lease(key, HOUR, all(5));
    expect(lease).toMatchObject({ granted: 5, left: 0 });
    await three?.giveBack(key, { id: lease?.id ?? 0, units: 2 });
    expect(await one?.lease(key, HOUR, all(2))).toMatchObject({ granted: 2, left: 0 });
    await delay((refused?.waitMs ?? 0) + 5);
    expect(await one?.lease(key, HOUR, all(1))).toMatchObject({ granted: 1, left: 74 });
  });

  it('are no higher for what the provider says', async () => {
    await one?.lease(key, HOUR, all(95));
    await one?.learn(key, { remaining: 1_000, resetMs: 60_000 });
    expect(await one?.lease(key, HOUR, all(6))).toMatchObject({ granted: 0, left: 5 });
  });

  it('that the provider calls used up are used up, also where nobody has used them yet', async () => {
    await one?.learn(key, { remaining: 0, resetMs: 60_000 });
    const refused = await two?.lease(key, HOUR, all(1));
    expect(refused).toMatchObject({ granted: 0, left: 0 });
    expect(refused?.waitMs).toBeGreaterThan(50_000);
  });
}
