import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { subjects } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { World } from '../../test/world.js';

let world: World;

beforeAll(async () => (world = await World.create()));
afterAll(() => world.close());
afterEach(() => world.stopRefreshers());

const tokenRequests = async () => (await world.sandbox.state()).counters.tokenRequests;

describe('a provider that asks for a pause', () => {
  it('is left alone for that time by every replica, however many ask', async () => {
    await Promise.all([world.startRefresher(), world.startRefresher()]);
    const [first, ...others] = await Promise.all(Array.from({ length: 9 }, () => world.connect()));
    const told = world.nc.subscribe(subjects.controlRefreshPaused, { max: 1 });
    await world.sandbox.fault({ kind: 'fail', status: 429, retryAfterSeconds: 600 });
    const before = await tokenRequests();
    const ask = async (connection: typeof first) => {
      if (connection === undefined) throw new Error('there are no connections');
      return world.ask(connection);
    };
    const paused = { outcome: 'failed', error: { code: 'provider_unavailable' } };
    expect(await ask(first)).toMatchObject(paused);
    for await (const message of told) expect(message.json()).toMatchObject({ pauseMs: 600_000 });

    for (const reply of await Promise.all([first, ...others].map(ask))) {
      expect(reply).toMatchObject(paused);
      expect(reply.outcome === 'failed' && (reply.error.retryAfterMs ?? 0)).toBeGreaterThan(590_000);
    }
    expect((await tokenRequests()) - before).toBe(1);
    for (const connection of others) {
      expect(await world.row(connection)).toMatchObject({ status: 'active', generation: 1, sentMsAgo: null, leaseOwner: null });
    }
  });
});

describe('a provider that declares its rate', () => {
  it('is asked no faster, over all replicas together', async () => {
    const paced = await world.connectorsWith('reuse_grace_seconds: 0', 'requests_per_minute: 120');
    const connections = await Promise.all(Array.from({ length: 8 }, () => world.connect({ refreshInMs: 0 })));
    const before = await tokenRequests();
    const startedAt = performance.now();
    await Promise.all([1, 2].map(() => world.startRefresher({ KEYWARD_CONNECTORS_DIR: paced })));
    await waitFor(
      async () => {
        const rows = await Promise.all(connections.map((connection) => world.row(connection)));
        return rows.every(({ generation }) => generation === 2);
      },
      { timeoutMs: 30_000 },
    );
    // Two at once, then two a second.
    expect(performance.now() - startedAt).toBeGreaterThan(2_900);
    expect((await tokenRequests()) - before).toBe(8);
  });
});
