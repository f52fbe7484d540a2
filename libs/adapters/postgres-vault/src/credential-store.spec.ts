import { newId } from '@keyward/contracts';
import { OutboxRelay, withOrg } from '@keyward/postgres';
import { waitFor } from '@keyward/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { message, RefreshStore } from '../test/refresh-store.js';
import { authorizedTokens, refreshedTokens } from '../test/tokens.js';
import type { SeededConnection } from '../test/vault-database.js';
import { createCredentialStore, type CredentialStore } from './index.js';

let world: RefreshStore;
let store: CredentialStore;
let seeded: SeededConnection;

beforeAll(async () => {
  world = await RefreshStore.start();
  store = world.store;
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.clear();
  seeded = await world.connected(await world.database.newOrganization());
});

const mark = (generation: number, messages = [message()]) =>
  store.markNeedsReauthorization({ org: seeded.org, connection: seeded.connection, generation, reason: 'refused' }, messages);

describe('storing an authorization', () => {
  it('makes the connection active with the scopes as granted', async () => {
    expect(await world.connectionRow(seeded)).toMatchObject({ status: 'active', status_reason: null, scopes: ['notes:read'] });
    expect(await world.generation(seeded)).toBe(1);
  });

  it('again takes the next generation only, ends every lease and request, and starts counting failures anew', async () => {
    await world.claim(seeded, 'crashed');
    await store.begin({ ...seeded, owner: 'crashed', generation: 1, needMs: 0 });
    expect(await world.authorize(seeded, 1)).toBeNull();
    expect(await world.authorize(seeded, 3)).toBeNull();
    expect(await world.authorize(seeded, 2)).toEqual({ reauthorizedAfterMs: null });
    expect(await world.load(seeded)).toMatchObject({ generation: 2, leaseOwner: null, failures: 0, sentMsAgo: null });
    expect(await world.claim(seeded, 'next', 2)).toMatchObject({ outcome: 'claimed', credential: { generation: 2 } });
  });

  it('stores every time as a length from now, and counts as a use', async () => {
    await world.database.admin.query(`UPDATE vault.credential SET last_used_at = now() - interval '9 days'`);
    const times = {
      accessExpiresInMs: 3_600_000,
      refreshInMs: 5_000_000_000,
      awakeRefreshInMs: 2_700_000,
      refreshExpiresInMs: 7_776_000_000,
    };
    await world.authorize(seeded, 2, times);
    const row = await world.load(seeded);
    for (const [name, ms] of Object.entries(times)) {
      expect(row[name as keyof typeof times]).toBeLessThanOrEqual(ms);
      expect(row[name as keyof typeof times]).toBeGreaterThan(ms - 30_000);
    }
    expect(row.unusedMs).toBeLessThan(30_000);
    expect(row.obtainedMsAgo).toBeLessThan(30_000);
  });

  it('revives a connection that waited for it, says how long the person was asked, and never revives one that is revoked', async () => {
    await mark(1);
    await world.database.admin.query(
      `UPDATE vault.connection SET reauthorization_asked_at = now() - interval '1 hour' WHERE id = $1`,
      [seeded.connection],
    );
    const stored = await world.authorize(seeded, 2);
    expect(stored?.reauthorizedAfterMs).toBeGreaterThanOrEqual(3_600_000);
    expect(stored?.reauthorizedAfterMs).toBeLessThan(3_660_000);
    expect(await world.connectionRow(seeded)).toMatchObject({
      ...{ status: 'active', status_reason: null, reauthorization_asked_at: null },
    });
    await world.setStatus(seeded, 'revoked');
    expect(await world.authorize(seeded, 3)).toBeNull();
    expect(await world.connectionRow(seeded)).toMatchObject({ status: 'revoked' });
    expect(await world.generation(seeded)).toBe(2);
  });

  it('is undone with the transaction it is part of', async () => {
    const failing = withOrg(world.auth, seeded.org, async (em) => {
      await createCredentialStore(world.auth).storeAuthorized(em, authorizedTokens(seeded, 2));
      throw new Error('audit refused');
    });
    await expect(failing).rejects.toThrow('audit refused');
    expect(await world.generation(seeded)).toBe(1);
  });

  it('finds nothing in another organization', async () => {
    const other = await world.database.newOrganization();
    expect(await store.load(other, seeded.connection)).toBeNull();
    expect(await world.generation({ org: other, connection: seeded.connection })).toBe(0);
    expect(await world.authorize({ ...seeded, org: other }, 2)).toBeNull();
  });
});

describe('the commit', () => {
  it('stores the next generation with tokens, times and scopes, and ends the lease and the request', async () => {
    await world.claim(seeded, 'owner');
    await store.begin({ ...seeded, owner: 'owner', generation: 1, needMs: 0 });
    const times = {
      accessExpiresInMs: 7_200_000,
      refreshInMs: null,
      awakeRefreshInMs: 5_400_000,
      refreshExpiresInMs: 864_000_000,
    };
    const next = { ...refreshedTokens(seeded, 1), ...times, scopes: ['notes:read', 'notes:write'] };
    expect(await store.commit(next, [])).toBe(true);
    const row = await world.load(seeded);
    expect(row).toMatchObject({
      ...{ generation: 2, sealedAccess: next.sealedAccess, sealedRefresh: next.sealedRefresh, status: 'active' },
      ...{ scopes: ['notes:read', 'notes:write'], leaseOwner: null, failures: 0, sentMsAgo: null, refreshInMs: null },
    });
    for (const name of ['accessExpiresInMs', 'awakeRefreshInMs', 'refreshExpiresInMs'] as const) {
      expect(row[name]).toBeLessThanOrEqual(times[name]);
      expect(row[name]).toBeGreaterThan(times[name] - 30_000);
    }
  });

  it('keeps the scopes where the answer names none', async () => {
    await store.commit(refreshedTokens(seeded, 1), []);
    expect(await world.connectionRow(seeded)).toMatchObject({ scopes: ['notes:read'] });
  });

  it('of new renewal material alone goes on counting what failed, and leaves no request behind', async () => {
    await world.claim(seeded, 'owner');
    await store.begin({ ...seeded, owner: 'owner', generation: 1, needMs: 0 });
    expect(await store.commit({ ...refreshedTokens(seeded, 1), refreshInMs: 90_000, failures: 3 }, [])).toBe(true);
    expect(await world.load(seeded)).toMatchObject({ generation: 2, failures: 3, leaseOwner: null, sentMsAgo: null });
    expect(await world.claim(seeded, 'next', 2)).toMatchObject({ outcome: 'backing_off', appRejected: false });
  });

  it('is won by one of many with the same generation', async () => {
    const commits = await Promise.all(Array.from({ length: 8 }, () => store.commit(refreshedTokens(seeded, 1), [])));
    expect(commits.filter(Boolean)).toHaveLength(1);
    expect(await world.generation(seeded)).toBe(2);
  });

  it('changes nothing for an older or a later generation', async () => {
    await store.commit(refreshedTokens(seeded, 1), []);
    const { sealedAccess } = await world.load(seeded);
    expect(await store.commit(refreshedTokens(seeded, 1), [message()])).toBe(false);
    expect(await store.commit(refreshedTokens(seeded, 3), [message()])).toBe(false);
    expect(await world.load(seeded)).toMatchObject({ generation: 2, sealedAccess });
    expect(await world.outbox()).toEqual([]);
  });

  it('of a late answer is kept although the lease is lost, if its generation is the next; the new holder then finds it done', async () => {
    await world.claim(seeded, 'slow');
    await world.expireLease(seeded);
    await world.claim(seeded, 'quick');
    expect(await store.commit(refreshedTokens(seeded, 1), [])).toBe(true);
    expect(await store.commit(refreshedTokens(seeded, 1), [])).toBe(false);
    expect(await store.begin({ ...seeded, owner: 'quick', generation: 1, needMs: 0 })).toBe(false);
    expect(await world.claim(seeded, 'quick', 1)).toEqual({ outcome: 'newer', generation: 2 });
  });

  it('of a late answer revives a connection that was given up meanwhile, whom nobody is asked for any more', async () => {
    await world.claim(seeded, 'slow');
    await mark(1);
    expect(await world.connectionRow(seeded)).toMatchObject({ reauthorization_asked_at: expect.any(Date) });
    expect(await store.commit(refreshedTokens(seeded, 1), [])).toBe(true);
    expect(await world.connectionRow(seeded)).toMatchObject({
      ...{ status: 'active', status_reason: null, reauthorization_asked_at: null },
    });
    expect(await world.authorize(seeded, 3)).toEqual({ reauthorizedAfterMs: null });
  });

  it('never touches a connection that was revoked meanwhile', async () => {
    await world.setStatus(seeded, 'revoked');
    expect(await store.commit(refreshedTokens(seeded, 1), [message()])).toBe(false);
    expect(await world.connectionRow(seeded)).toMatchObject({ status: 'revoked' });
    expect(await world.generation(seeded)).toBe(1);
    expect(await world.outbox()).toEqual([]);
  });

  it('and its messages are one, in their order: neither without the other', async () => {
    const [first, second] = [message(), message()];
    await store.commit(refreshedTokens(seeded, 1), [first, second]);
    expect(await world.outbox()).toEqual([first.id, second.id]);
    await expect(store.commit(refreshedTokens(seeded, 2), [message(), first])).rejects.toThrow();
    expect(await world.generation(seeded)).toBe(2);
    expect(await world.outbox()).toEqual([first.id, second.id]);
  });

  it('wakes the relay of this process, and notifies nobody else', async () => {
    const { admin } = world.database;
    const dataSource = await world.database.as('refresher');
    const refreshing = createCredentialStore(dataSource);
    const heard: (string | undefined)[] = [];
    const published: string[] = [];
    const logger = { info: () => undefined, warn: () => undefined };
    const relay = new OutboxRelay(dataSource, async ({ id }) => void published.push(id), { logger });
    const listener = await admin.connect();
    // What is not woken takes only what has been waiting for a while, and so never this.
    await admin.query(`ALTER TABLE bus.outbox ALTER created_at SET DEFAULT now() + interval '1 hour'`);
    try {
      listener.on('notification', ({ payload }) => heard.push(payload));
      await listener.query('LISTEN keyward_outbox');
      relay.start();
      for (const generation of [1, 2]) {
        const told = message();
        await refreshing.commit(refreshedTokens(seeded, generation), [told]);
        await waitFor(() => published.includes(told.id), { what: 'the message to leave' });
      }
      await admin.query(`NOTIFY keyward_outbox, 'the end'`);
      await waitFor(() => heard.length > 0, { what: 'a notification' });
      expect(heard).toEqual(['the end']);
    } finally {
      await relay.stop();
      await admin.query('ALTER TABLE bus.outbox ALTER created_at SET DEFAULT now()');
      listener.release(true);
    }
  });
});

describe('giving up', () => {
  it('stops refreshing, says why, and from when on a person is asked', async () => {
    await world.claim(seeded, 'owner');
    const told = message();
    expect(await mark(1, [told])).toBe(true);
    expect(await world.connectionRow(seeded)).toMatchObject({
      ...{ status: 'needs_reauthorization', status_reason: 'refused', reauthorization_asked_at: expect.any(Date) },
    });
    expect(await world.load(seeded)).toMatchObject({ leaseOwner: null, refreshInMs: null });
    expect(await world.claimDue()).toEqual([]);
    expect(await world.outbox()).toEqual([told.id]);
  });

  it('is moot once there is a newer generation: nothing changes and nothing is recorded', async () => {
    await store.commit(refreshedTokens(seeded, 1), []);
    expect(await mark(1)).toBe(false);
    expect(await world.outbox()).toEqual([]);
    expect(await world.connectionRow(seeded)).toMatchObject({ status: 'active' });
  });

  it('does not bring a revoked connection back', async () => {
    await world.setStatus(seeded, 'revoked');
    expect(await mark(1)).toBe(false);
    expect(await world.connectionRow(seeded)).toMatchObject({ status: 'revoked' });
  });
});

describe('another organization', () => {
  it('reaches nothing of a connection by its id: not a look, not a lease, not a change', async () => {
    const { connection, app } = seeded;
    await world.claim(seeded, 'owner');
    await store.begin({ ...seeded, owner: 'owner', generation: 1, needMs: 0 });
    const before = await world.database.admin.query('SELECT * FROM vault.credential, vault.provider_app');
    const foreign = { org: await world.database.newOrganization(), connection };
    const lease = { ...foreign, owner: 'owner', generation: 1 };
    expect(await store.load(foreign.org, connection)).toBeNull();
    expect(await store.claim({ ...foreign, newerThan: 1, owner: 'o', leaseMs: 1000 })).toEqual({
      ...{ outcome: 'unavailable', status: null },
    });
    expect(await store.begin({ ...lease, needMs: 0 })).toBe(false);
    expect(await store.commit({ ...refreshedTokens(seeded, 1), ...foreign }, [message()])).toBe(false);
    expect(await store.releaseFailed({ ...lease, retryInMs: 1, maybeRedeemed: false }, [message()])).toBe(false);
    expect(await store.markNeedsReauthorization({ ...foreign, generation: 1, reason: 'x' }, [message()])).toBe(false);
    const rejection = { org: foreign.org, app, generation: 1, rejections: 0, reason: 'x', retryInMs: 1 };
    expect(await store.rejectApp(rejection, [message()])).toBe('again');
    await store.rejectApp({ ...rejection, org: seeded.org, retryInMs: 60_000 }, []);
    expect(await store.acceptApp({ org: foreign.org, app }, [message()])).toBe(false);
    expect((await world.load(seeded)).providerApp).toMatchObject({ rejections: 1, rejectedMsAgo: expect.any(Number) });
    const after = await world.database.admin.query('SELECT * FROM vault.credential');
    expect(after.rows).toEqual([
      expect.objectContaining({ generation: 1, lease_owner: 'owner', sent_at: before.rows[0].sent_at }),
    ]);
    expect(await world.outbox()).toEqual([]);
  });
});

it('an id that nobody has is nobody’s', async () => {
  expect(await store.claim({ org: seeded.org, connection: newId('conn'), newerThan: 0, owner: 'o', leaseMs: 1 })).toEqual({
    ...{ outcome: 'unavailable', status: null },
  });
});
