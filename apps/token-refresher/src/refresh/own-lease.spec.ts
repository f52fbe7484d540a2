import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { World } from '../../test/world.js';
import type { RefreshStep } from './steps.js';

let world: World;

beforeAll(async () => (world = await World.create()));
afterAll(() => world.close());
afterEach(() => world.stopRefreshers());

describe('a lease that its own process has taken anew', () => {
  it('is not the one before: what was held up under that one sends nothing and gives nothing back', async () => {
    const connection = await world.connect({ refreshInMs: 0 });
    const before = (await world.sandbox.state()).counters;
    const slow = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const taken: RefreshStep[] = [];
    const count = (step: RefreshStep) => taken.filter((one) => one === step).length;
    await world.startRefresher({ KEYWARD_REFRESH_LEASE_MS: '1500' }, async (step) => {
      taken.push(step);
      // As long as a key service can take to open the first.
      if (step === 'opened' && count('opened') === 1) await slow.promise;
      if (step === 'answered') await answer.promise;
    });
    try {
      await waitFor(async () => count('answered') === 1, { timeoutMs: 20_000 });
      slow.resolve();
      await waitFor(async () => count('released') > 0 || count('begun') > 1, { timeoutMs: 20_000 });
      expect(count('begun')).toBe(1);
      expect(await world.row(connection)).toMatchObject({ generation: 1, sentMsAgo: expect.any(Number) });
    } finally {
      slow.resolve();
      answer.resolve();
    }
    await waitFor(async () => (await world.row(connection)).generation === 2, { timeoutMs: 20_000 });
    const { tokenRequests, reuseDetections } = (await world.sandbox.state()).counters;
    expect([tokenRequests - before.tokenRequests, reuseDetections]).toEqual([1, 0]);
  });
});
