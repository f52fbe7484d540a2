import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dueRows } from '../test/due-rows.js';
import { LEASE_MS, message, RefreshStore } from '../test/refresh-store.js';
import { refreshedTokens } from '../test/tokens.js';
import type { CredentialStore, RefreshableCredential } from './index.js';

let world: RefreshStore;
let store: CredentialStore;
beforeAll(async () => {
  world = await RefreshStore.start();
  store = world.store;
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.clear();
  await make('ours', 20, 'org_ours');
});

const admin = () => world.database.admin;
const app = { org: 'org_ours', app: 'app_org_oursprovider' };
const make = (name: string, count: number, org: string) =>
  dueRows(
    admin(),
    Array.from({ length: count }, (_, i) => ({ id: `${name}-${String(i).padStart(2, '0')}`, org, dueMsAgo: 60_000 - i })),
  );
const reject = (change: { rejections?: number; retryInMs?: number; generation?: number } = {}, messages = [message()]) =>
  store.rejectApp({ ...app, generation: 1, rejections: 0, reason: 'invalid_client', retryInMs: 300_000, ...change }, messages);
const retryNow = () => admin().query('UPDATE vault.provider_app SET rejected_retry_at = now() WHERE rejected_at IS NOT NULL');
const ids = (claimed: readonly RefreshableCredential[]) => claimed.map(({ connection }) => connection);
const ask = (connection: string) => store.claim({ org: 'org_ours', connection, newerThan: 1, owner: 'asker', leaseMs: LEASE_MS });
async function waits(): Promise<{ least: number; most: number }> {
  const { rows } = await admin().query(
    `SELECT extract(epoch FROM min(refresh_at) - now())::float8 AS least, extract(epoch FROM max(refresh_at) - now())::float8 AS most
     FROM vault.credential WHERE org_id = 'org_ours' AND lease_until IS NULL`,
  );
  return rows[0];
}

describe('a registration that its provider rejects', () => {
  it('is told of once, by the first of many requests that were on their way', async () => {
    const told = Array.from({ length: 8 }, message);
    const outcomes = await Promise.all(told.map((each) => reject({}, [each])));
    expect(outcomes.filter((outcome) => outcome === 'first')).toHaveLength(1);
    expect(await world.outbox()).toEqual([told[outcomes.indexOf('first')]?.id]);
    const { providerApp } = await world.load({ org: 'org_ours', connection: 'ours-00' });
    expect(providerApp).toMatchObject({ rejections: 1, rejectedMsAgo: expect.any(Number) });
    expect(await reject({ rejections: 1 })).toBe('again');
    expect((await world.load({ org: 'org_ours', connection: 'ours-00' })).providerApp).toMatchObject({ rejections: 2 });
    expect(await world.outbox()).toHaveLength(1);
  });

  it('is not one that has been replaced meanwhile', async () => {
    await admin().query('UPDATE vault.provider_app SET generation = 2');
    expect(await reject()).toBe('again');
    expect(await world.outbox()).toEqual([]);
    expect(ids(await world.claimDue())).toHaveLength(20);
  });

  it('keeps its connections waiting and no others, for as long as it waits itself, and blames none', async () => {
    await make('theirs', 3, 'org_theirs');
    await make('keys', 1, 'org_ours');
    await admin().query(`UPDATE vault.connection SET provider_app_id = NULL WHERE id = 'keys-00'`);
    await reject();
    expect(ids(await world.claimDue()).sort()).toEqual(['keys-00', 'theirs-00', 'theirs-01', 'theirs-02']);
    const { least, most } = await waits();
    expect(least).toBeGreaterThan(270);
    expect(most).toBeLessThan(370);
    expect(await world.load({ org: 'org_ours', connection: 'ours-00' })).toMatchObject({ failures: 0, status: 'active' });
    expect(await ask('ours-00')).toEqual({ outcome: 'backing_off', retryInMs: expect.any(Number), appRejected: true });
  });

  it('keeps nobody else waiting however many of its connections are due', async () => {
    await make('theirs', 3, 'org_theirs');
    await reject();
    expect(ids(await world.claimDue({ limit: 2 }))).toHaveLength(2);
    expect(ids(await world.claimDue({ limit: 2 }))).toHaveLength(1);
  });

  it('is tried again with one connection when it is time, whoever asks, and with no other until that has ended', async () => {
    await reject();
    await retryNow();
    const claims = await Promise.all([
      world.claimDue({ owner: 'a' }),
      world.claimDue({ owner: 'b' }),
      world.claimDue({ owner: 'c' }),
    ]);
    expect(claims.flatMap(ids)).toEqual(['ours-00']);
    expect(await ask('ours-05')).toMatchObject({ outcome: 'backing_off', appRejected: true });
    const { least } = await waits();
    expect(least).toBeGreaterThan(LEASE_MS / 1000 - 30);
  });

  it('is tried again with a connection that is asked for, if it is time', async () => {
    await reject();
    await retryNow();
    expect(await ask('ours-07')).toMatchObject({ outcome: 'claimed', credential: { connection: 'ours-07' } });
    expect(await ask('ours-08')).toMatchObject({ outcome: 'backing_off', appRejected: true });
    expect(await world.claimDue()).toEqual([]);
  });

  it('is not tried again with a connection that is not active', async () => {
    await admin().query(`UPDATE vault.connection SET status = 'revoked' WHERE id = 'ours-00'`);
    await reject();
    await retryNow();
    expect(await world.claimDue()).toEqual([]);
    await admin().query('UPDATE vault.credential SET refresh_at = now() WHERE refresh_at IS NOT NULL');
    expect(ids(await world.claimDue())).toEqual(['ours-01']);
  });
});

describe('a registration that is accepted again', () => {
  it('lets its connections go on within a minute, spread, and tells it once', async () => {
    await reject();
    await world.claimDue();
    await retryNow();
    await admin().query('UPDATE vault.provider_app SET rejected_retry_at = now() + $$5 min$$ WHERE rejected_at IS NOT NULL');
    const told = message();
    expect(await store.acceptApp(app, [told])).toBe(true);
    expect(await store.acceptApp(app, [message()])).toBe(false);
    expect((await world.outbox()).slice(1)).toEqual([told.id]);
    const { least, most } = await waits();
    expect(most).toBeLessThanOrEqual(60);
    expect(most - least).toBeGreaterThan(1);
    await admin().query('UPDATE vault.credential SET refresh_at = now()');
    expect(ids(await world.claimDue())).toHaveLength(20);
  });

  it('wakes neither what sleeps, nor what was not due yet, nor what is being refreshed, nor other organizations’', async () => {
    await make('theirs', 1, 'org_theirs');
    const set = (id: string, what: string) => admin().query(`UPDATE vault.credential SET ${what} WHERE connection_id = $1`, [id]);
    await set('ours-00', `refresh_at = now() + interval '30 days'`);
    await set('ours-01', 'refresh_at = NULL');
    await set('ours-02', `refresh_at = now() + interval '2 min', awake_refresh_at = now() + interval '2 min'`);
    await set('theirs-00', `refresh_at = now() + interval '2 min'`);
    await reject();
    await world.claimDue();
    const before = (await admin().query('SELECT connection_id, refresh_at FROM vault.credential ORDER BY 1')).rows;
    await store.acceptApp(app, []);
    const after = (await admin().query('SELECT connection_id, refresh_at FROM vault.credential ORDER BY 1')).rows;
    const moved = after.filter((row, i) => row.refresh_at?.getTime() !== before[i].refresh_at?.getTime());
    expect(moved.map(({ connection_id }) => connection_id)).toEqual(
      Array.from({ length: 17 }, (_, i) => `ours-${String(i + 3).padStart(2, '0')}`),
    );
  });

  it('keeps askers waiting no longer for what failed over it', async () => {
    await ask('ours-00');
    const lease = { org: 'org_ours', connection: 'ours-00', owner: 'asker', generation: 1 };
    await store.releaseFailed({ ...lease, retryInMs: 300_000, maybeRedeemed: false }, []);
    await reject();
    await store.acceptApp(app, []);
    expect(await ask('ours-00')).toMatchObject({ outcome: 'claimed' });
    expect(await store.commit(refreshedTokens({ org: 'org_ours', connection: 'ours-00' }, 1), [])).toBe(true);
  });
});

it('how many are rejected is counted by provider', async () => {
  await make('theirs', 1, 'org_theirs');
  const count = async () => (await admin().query('SELECT provider, apps::int FROM vault.count_rejected_apps()')).rows;
  expect(await count()).toEqual([]);
  await reject();
  await store.rejectApp(
    { org: 'org_theirs', app: 'app_org_theirsprovider', generation: 1, rejections: 0, reason: 'x', retryInMs: 1 },
    [],
  );
  expect(await count()).toEqual([{ provider: 'provider', apps: 2 }]);
});
