import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { World } from '../../test/world.js';

let world: World;

beforeAll(async () => {
  world = await World.create();
  await Promise.all([world.startRefresher(), world.startRefresher()]);
});

afterAll(() => world.close());

describe('refreshing ahead of expiry', () => {
  it('takes up what is due, each once over all processes, and nothing else', async () => {
    const later = await world.connect({ refreshInMs: 3_600_000 });
    const due = await Promise.all(Array.from({ length: 40 }, () => world.connect({ refreshInMs: 0 })));
    await waitFor(async () => {
      const generations = await Promise.all(due.map(async (one) => (await world.row(one)).generation));
      return generations.every((generation) => generation === 2);
    });
    const { counters, grants } = await world.sandbox.state();
    expect([counters.tokenRequests, counters.refreshes, counters.reuseDetections]).toEqual([40, 40, 0]);
    expect(new Set(due.map(({ tokens }) => grants.find((one) => one.grant === tokens.grant)?.rotations))).toEqual(new Set([1]));
    expect((await world.row(later)).generation).toBe(1);
  });

  it('sets the next refresh before the new expiry', async () => {
    const connection = await world.connect({ refreshInMs: 0 });
    const row = await waitFor(async () => {
      const found = await world.row(connection);
      return found.generation === 2 ? found : undefined;
    });
    // A fifth of two minutes is less than the shortest margin, which is longer by up to a quarter of itself.
    const marginMs = 30_000;
    const left = (row.accessExpiresInMs ?? 0) - (row.refreshInMs ?? 0);
    expect(left).toBeGreaterThanOrEqual(marginMs - 1000);
    expect(left).toBeLessThanOrEqual(1.25 * marginMs + 1000);
    expect(row).toMatchObject({ failures: 0, leaseOwner: null });
  });

  it('leaves connections alone that are not active', async () => {
    const connection = await world.connect({ refreshInMs: 3_600_000 });
    await world.admin.query(`UPDATE vault.connection SET status = 'needs_reauthorization' WHERE id = $1`, [
      connection.connection,
    ]);
    await world.admin.query('UPDATE vault.credential SET refresh_at = now() WHERE connection_id = $1', [connection.connection]);
    const sentinel = await world.connect({ refreshInMs: 0 });
    await waitFor(async () => (await world.row(sentinel)).generation === 2);
    expect((await world.row(connection)).generation).toBe(1);
  });

  it('stops without leaving a lease behind', async () => {
    const due = await Promise.all(Array.from({ length: 20 }, () => world.connect({ refreshInMs: 200 })));
    await waitFor(async () => (await world.sandbox.state()).counters.tokenRequests > 42);
    await world.stopRefreshers();
    for (const one of due) expect((await world.row(one)).leaseOwner).toBeNull();
    expect((await world.sandbox.state()).counters.reuseDetections).toBe(0);
  });
});
