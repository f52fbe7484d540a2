import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RefreshStore } from '../test/refresh-store.js';
import { createCredentialStore, type CredentialStore } from './index.js';

const lane = 'provider as.example';

describe('turns of a lane', () => {
  let world: RefreshStore;
  let replicas: CredentialStore[];

  beforeAll(async () => {
    world = await RefreshStore.start();
    replicas = [world.store];
    for (let more = 0; more < 2; more++) replicas.push(createCredentialStore(await world.database.as('refresher')));
  });
  afterAll(() => world.stop());
  beforeEach(() => world.clear());

  const take = (perMinute: number, wanted: number, replica = 0) => replicas[replica]?.takeTurns({ lane, perMinute, wanted });
  const passes = (ms: number) =>
    world.database.admin.query('UPDATE vault.refresh_pace SET next_at = next_at - make_interval(secs => $1 / 1000.0)', [ms]);

  it('are as many at once as fall to a second, and then one by one', async () => {
    expect(await take(600, 4)).toEqual({ granted: 4, waitMs: 0 });
    const rest = await take(600, 100);
    expect(rest?.granted).toBeGreaterThanOrEqual(6);
    expect(rest?.granted).toBeLessThanOrEqual(10);
    expect(rest?.waitMs).toBeGreaterThan(0);
    expect(rest?.waitMs).toBeLessThanOrEqual(100);
  });

  it('of a slow lane is one, and the next comes when the rate allows it', async () => {
    expect(await take(6, 3)).toMatchObject({ granted: 1 });
    const next = await take(6, 1);
    expect(next).toMatchObject({ granted: 0 });
    expect(next?.waitMs).toBeGreaterThan(5_000);
    expect(next?.waitMs).toBeLessThanOrEqual(10_000);
    await passes(10_000);
    expect(await take(6, 1)).toEqual({ granted: 1, waitMs: 0 });
  });

  it('that nobody took are not saved up', async () => {
    await take(600, 10);
    await passes(3_600_000);
    expect((await take(600, 1_000))?.granted).toBe(10);
  });

  it('are exact over replicas that take them at once', async () => {
    const startedAt = performance.now();
    const asked = Array.from({ length: 60 }, (_, i) => take(1200, 1 + (i % 3), i % 3));
    const granted = (await Promise.all(asked)).reduce((sum, turns) => sum + (turns?.granted ?? 0), 0);
    const passedMs = performance.now() - startedAt;
    expect(granted).toBeGreaterThanOrEqual(20);
    expect(granted).toBeLessThanOrEqual(20 + Math.ceil(passedMs / 50));
  });

  it('of one lane are none of another’s', async () => {
    await take(60, 1);
    expect(await replicas[1]?.takeTurns({ lane: 'another', perMinute: 60, wanted: 1 })).toEqual({ granted: 1, waitMs: 0 });
  });
});
