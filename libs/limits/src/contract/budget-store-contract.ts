import { expect, it } from '@jest/globals';
import type { BudgetKey, BudgetStore } from '../budget/budget-store.js';
import type { MemoryBudget } from '../budget/memory-budget-store.js';

export interface BudgetWorld {
  readonly store: BudgetStore;
  /** Makes a budget of one limit; undefined takes it away. */
  set(key: BudgetKey, budget: MemoryBudget | undefined): Promise<void>;
  /** A budget that nobody else uses. */
  newKey(): Promise<BudgetKey>;
}

/** What every store of budgets does. */
export function budgetStoreContract(world: () => BudgetWorld): void {
  const STOP: MemoryBudget = { limit: 100, stops: true, warnAt: [0.8] };
  const made = async (budget: MemoryBudget): Promise<BudgetKey> => {
    const key = await world().newKey();
    await world().set(key, budget);
    return key;
  };

  it('sets aside exactly as many units as there are, to whoever asks at once', async () => {
    const key = await made(STOP);
    const shares = await Promise.all(Array.from({ length: 150 }, () => world().store.lease(key, { least: 1, most: 8 })));
    expect(shares.reduce((sum, share) => sum + (share?.granted ?? 0), 0)).toBe(100);
    expect(await world().store.lease(key, { least: 1, most: 1 })).toMatchObject({ granted: 0, left: 0 });
  });

  it('gives a twentieth of the limit at most, and no less than what is needed', async () => {
    const key = await made(STOP);
    expect(await world().store.lease(key, { least: 1, most: 1_000 })).toMatchObject({ granted: 5, left: 95 });
    expect(await world().store.lease(key, { least: 30, most: 1_000 })).toMatchObject({ granted: 30, left: 65 });
    expect(await world().store.lease(key, { least: 66, most: 66 })).toMatchObject({ granted: 0, left: 65 });
  });

  it('has again what was given back', async () => {
    const key = await made(STOP);
    const share = await world().store.lease(key, { least: 100, most: 100 });
    await world().store.giveBack(key, { startsAt: share?.startsAt ?? '', units: 3 });
    expect(await world().store.lease(key, { least: 3, most: 3 })).toMatchObject({ granted: 3, left: 0 });
  });

  it('takes nothing back for another period', async () => {
    const key = await made(STOP);
    await world().store.lease(key, { least: 100, most: 100 });
    await world().store.giveBack(key, { startsAt: '1970-01-05T00:00:00.000Z', units: 3 });
    expect(await world().store.lease(key, { least: 1, most: 1 })).toMatchObject({ granted: 0 });
  });

  it('warns once, when the share of the limit is reached, and tells once that it is used up', async () => {
    const key = await made(STOP);
    const lease = async (least: number) => (await world().store.lease(key, { least, most: least }))?.told;
    expect(await lease(79)).toEqual([]);
    expect(await lease(1)).toEqual(['warned']);
    expect(await lease(20)).toEqual([]);
    expect(await lease(1)).toEqual(['exceeded']);
    expect(await lease(1)).toEqual([]);
  });

  it('gives no share that goes past what is to be told, so that it is told at its time', async () => {
    const key = await made({ ...STOP, limit: 1_000 });
    await world().store.lease(key, { least: 790, most: 790 });
    expect(await world().store.lease(key, { least: 1, most: 50 })).toMatchObject({ granted: 9, told: [] });
    expect(await world().store.lease(key, { least: 1, most: 50 })).toMatchObject({ told: ['warned'] });
  });

  it('tells nothing to who asks ahead of need', async () => {
    const key = await made({ ...STOP, limit: 4 });
    await world().store.lease(key, { least: 3, most: 3 });
    expect(await world().store.lease(key, { least: 0, most: 8 })).toMatchObject({ granted: 0, left: 1, told: [] });
    await world().store.lease(key, { least: 1, most: 1 });
    expect(await world().store.lease(key, { least: 0, most: 8 })).toMatchObject({ granted: 0, left: 0, told: [] });
  });

  it('refuses nothing of a limit that only warns, and tells once that it is passed', async () => {
    const key = await made({ limit: 10, stops: false, warnAt: [] });
    expect(await world().store.lease(key, { least: 10, most: 10 })).toMatchObject({ granted: 10, told: [] });
    expect(await world().store.lease(key, { least: 1, most: 4 })).toMatchObject({ granted: 1, told: ['exceeded'] });
    expect(await world().store.lease(key, { least: 1, most: 4 })).toMatchObject({ granted: 4, told: [] });
  });

  it('lets nobody through where the limit is 0', async () => {
    const key = await made({ limit: 0, stops: true, warnAt: [0.8] });
    expect(await world().store.lease(key, { least: 1, most: 1 })).toMatchObject({ granted: 0, told: ['exceeded'] });
  });

  it('knows no limit that was taken away, nor one that never was', async () => {
    const key = await made(STOP);
    await world().set(key, undefined);
    expect(await world().store.lease(key, { least: 1, most: 1 })).toBeUndefined();
    await expect(world().store.giveBack(key, { startsAt: new Date(0).toISOString(), units: 1 })).resolves.toBeUndefined();
    expect(await world().store.lease({ ...key, budget: 'bgt_none' }, { least: 1, most: 1 })).toBeUndefined();
  });

  it('ends its shares with the period', async () => {
    const key = await made(STOP);
    const share = await world().store.lease(key, { least: 1, most: 1 });
    expect(share?.endsInMs).toBeGreaterThan(0);
    expect(share?.resetsAt).not.toBe(share?.startsAt);
  });
}
