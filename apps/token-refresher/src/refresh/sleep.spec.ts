import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { World, type TestConnection } from '../../test/world.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: World;

beforeAll(async () => (world = await World.create()));
afterAll(() => world.close());
afterEach(() => world.stopRefreshers());

/** Due by the clock, and used for the last time so long ago. */
async function unused(hours: number): Promise<TestConnection> {
  const connection = await world.connect();
  await world.admin.query(
    'UPDATE vault.credential SET refresh_at = now(), last_used_at = now() - make_interval(hours => $2::int) WHERE connection_id = $1',
    [connection.connection, hours],
  );
  return connection;
}

const refreshed = (connection: TestConnection, generation = 2) =>
  waitFor(
    async () => {
      const row = await world.row(connection);
      return row.generation === generation ? row : undefined;
    },
    { timeoutMs: 20_000 },
  );

describe('a connection that nobody uses', () => {
  it('falls asleep when it is refreshed, and is woken by whoever asks', async () => {
    await world.startRefresher({ KEYWARD_REFRESH_SLEEP_AFTER_HOURS: '1' });
    const [asleep, awake] = await Promise.all([unused(2), unused(0)]);
    expect(await refreshed(asleep)).toMatchObject({ refreshInMs: null, awakeRefreshInMs: expect.any(Number) });
    const inUse = await refreshed(awake);
    expect(inUse.refreshInMs).toBeCloseTo(inUse.awakeRefreshInMs ?? NaN, 0);

    expect(await world.ask(asleep, { newerThan: 2 })).toEqual({ outcome: 'refreshed', generation: 3 });
    const woken = await refreshed(asleep, 3);
    expect(woken.refreshInMs).toBeGreaterThan(0);
    expect(woken.refreshInMs).toBeCloseTo(woken.awakeRefreshInMs ?? NaN, 0);
  });

  it('is kept alive where its refresh token would end', async () => {
    const ending = await world.connectorsWith('reuse_grace_seconds: 0', 'refresh_token_lifetime_days: 30');
    await world.startRefresher({ KEYWARD_REFRESH_SLEEP_AFTER_HOURS: '1', KEYWARD_CONNECTORS_DIR: ending });
    const { refreshInMs, refreshExpiresInMs, awakeRefreshInMs } = await refreshed(await unused(2));
    expect(refreshInMs).toBeGreaterThan(0.59 * 30 * DAY_MS);
    expect(refreshInMs).toBeLessThan(0.81 * 30 * DAY_MS);
    expect(refreshExpiresInMs).toBeGreaterThan(29 * DAY_MS);
    expect(awakeRefreshInMs).toBeLessThan(HOUR_MS);
  });

  it('never sleeps where that is not wanted', async () => {
    await world.startRefresher({ KEYWARD_REFRESH_SLEEP_AFTER_HOURS: '0' });
    const { refreshInMs, awakeRefreshInMs } = await refreshed(await unused(8_000));
    expect(refreshInMs).toBeCloseTo(awakeRefreshInMs ?? NaN, 0);
  });
});
