import type { KeywardError } from '@keyward/contracts';
import { dedicatedPostgres, waitFor } from '@keyward/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LEASE_MS, message, RefreshStore } from '../test/refresh-store.js';
import { refreshedTokens } from '../test/tokens.js';
import type { SeededConnection } from '../test/vault-database.js';
import type { CredentialStore } from './index.js';

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

const begin = (owner: string, change: { generation?: number; needMs?: number } = {}) =>
  store.begin({ org: seeded.org, connection: seeded.connection, owner, generation: 1, needMs: 0, ...change });
const release = (owner: string, maybeRedeemed = false, messages = [message()]) =>
  store.releaseFailed(
    { org: seeded.org, connection: seeded.connection, owner, generation: 1, retryInMs: 90_000, maybeRedeemed },
    messages,
  );

describe('requests that are about to be sent', () => {
  it('wait alone: one whose row somebody holds keeps no other waiting', async () => {
    const others = await Promise.all([1, 2, 3].map(() => world.connected(seeded.org)));
    const all = [seeded, ...others];
    for (const one of all) await world.claim(one, 'owner');
    const holder = await world.database.admin.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM vault.credential WHERE connection_id = $1 FOR UPDATE', [seeded.connection]);
      const begun: number[] = [];
      const intents = all.map(async ({ org, connection }, index) => {
        if (await store.begin({ org, connection, owner: 'owner', generation: 1, needMs: 0 })) begun.push(index);
      });
      await waitFor(() => begun.length === 3, { what: 'the others to be allowed' });
      await holder.query('COMMIT');
      await Promise.all(intents);
      expect(begun.sort()).toEqual([0, 1, 2, 3]);
    } finally {
      holder.release(true);
    }
  });
});

describe('the lease', () => {
  it('on demand goes to one of many askers; the others hear how long it lasts', async () => {
    const claims = await Promise.all(Array.from({ length: 8 }, (_, i) => world.claim(seeded, `owner-${i}`)));
    expect(claims.filter((each) => each.outcome === 'claimed')).toHaveLength(1);
    const busy = claims.filter((each) => each.outcome === 'busy');
    expect(busy).toHaveLength(7);
    for (const { leaseLeftMs } of busy) {
      expect(leaseLeftMs).toBeGreaterThan(LEASE_MS - 30_000);
      expect(leaseLeftMs).toBeLessThanOrEqual(LEASE_MS);
    }
    expect(await world.claimDue({ owner: 'other' })).toEqual([]);
  });

  it('comes with all that a refresh needs, and counts as a use', async () => {
    await world.database.admin.query(`UPDATE vault.credential SET last_used_at = now() - interval '9 days'`);
    const [due] = await world.claimDue({ owner: 'clock' });
    expect(due).toMatchObject({ org: seeded.org, connection: seeded.connection, leaseOwner: 'clock', generation: 1 });
    expect(due?.unusedMs).toBeGreaterThan(8 * 86_400_000);
    expect(due?.refreshInMs).toBeLessThanOrEqual(-60_000);
    await world.expireLease(seeded);
    const claim = await world.claim(seeded, 'asker');
    const credential = claim.outcome === 'claimed' ? claim.credential : undefined;
    expect({ ...credential, ...changing }).toEqual({ ...due, leaseOwner: 'asker', ...changing });
    expect(credential?.unusedMs).toBeLessThan(30_000);
  });

  it('is not needed by who asks for less than there is', async () => {
    expect(await world.claim(seeded, 'asker', 0)).toEqual({ outcome: 'newer', generation: 1 });
    expect(await world.load(seeded)).toMatchObject({ leaseOwner: null });
  });

  it('is not given where nothing can be refreshed', async () => {
    await world.database.admin.query('UPDATE vault.credential SET renewable = false');
    expect(await world.claim(seeded, 'o')).toEqual({ outcome: 'unavailable', status: 'active' });
    for (const status of ['needs_reauthorization', 'revoked']) {
      await world.setStatus(seeded, status);
      expect(await world.claim(seeded, 'o')).toEqual({ outcome: 'unavailable', status });
    }
  });

  it('that has run out is anybody’s; that nothing was sent under it, its successor sees', async () => {
    await world.claim(seeded, 'crashed');
    await world.expireLease(seeded);
    expect(await world.claim(seeded, 'next')).toMatchObject({ outcome: 'claimed', credential: { sentMsAgo: null } });
    await world.expireLease(seeded);
    expect(await world.claimDue({ owner: 'later' })).toMatchObject([{ leaseOwner: 'later', sentMsAgo: null }]);
  });

  it('is written to the database before it is told: without a database there is none', async () => {
    const server = await dedicatedPostgres();
    const doomed = await RefreshStore.start(server);
    await server.kill();
    for (const claiming of [() => doomed.claimDue(), () => doomed.claim(seeded, 'o')]) {
      const codeOf = () =>
        claiming().then(
          () => undefined,
          (reason: KeywardError) => reason.code,
        );
      // A session may outlive its server by a moment.
      await waitFor(async () => (await codeOf()) === 'dependency_unavailable', { what: 'a refusal' });
    }
    await server.restart();
    await doomed.stop();
  });
});

const changing = {
  readAt: 0,
  unusedMs: 0,
  obtainedMsAgo: 0,
  accessExpiresInMs: 0,
  refreshInMs: 0,
  awakeRefreshInMs: 0,
};

describe('sending', () => {
  it('is on record before it is done, once for all repetitions under the same lease', async () => {
    await world.claim(seeded, 'owner');
    expect(await begin('owner')).toBe(true);
    const { rows } = await world.database.admin.query('SELECT sent_at FROM vault.credential');
    expect(await begin('owner')).toBe(true);
    expect((await world.database.admin.query('SELECT sent_at FROM vault.credential')).rows).toEqual(rows);
    expect((await world.load(seeded)).sentMsAgo).toBeGreaterThanOrEqual(0);
  });

  it.each<[string, () => Promise<boolean>]>([
    ['nobody who holds no lease', () => begin('other')],
    ['no other generation', () => begin('owner', { generation: 2 })],
    ['no lease that ends before the answer can be stored', () => begin('owner', { needMs: LEASE_MS + 1 })],
  ])('is allowed to %s', async (_whom, attempt) => {
    await world.claim(seeded, 'owner');
    expect(await attempt()).toBe(false);
    expect(await world.load(seeded)).toMatchObject({ sentMsAgo: null });
    expect(await begin('owner', { needMs: LEASE_MS - 30_000 })).toBe(true);
  });

  it('of many at once is allowed to each by its own lease, in one round trip or several', async () => {
    const many = await Promise.all(Array.from({ length: 100 }, () => world.connected(seeded.org)));
    const held = many.filter((_, i) => i % 3 > 0);
    for (const one of held) await world.claim(one, `owner of ${one.connection}`);
    const intents = many.map((one, i) => ({ ...one, owner: `owner of ${one.connection}`, generation: i % 3, needMs: 0 }));
    expect(await Promise.all(intents.map((intent) => store.begin(intent)))).toEqual(many.map((_, i) => i % 3 === 1));
    const { rows } = await world.database.admin.query('SELECT connection_id FROM vault.credential WHERE sent_at IS NOT NULL');
    expect(rows.map((row) => row.connection_id as string).sort()).toEqual(
      many
        .filter((_, i) => i % 3 === 1)
        .map(({ connection }) => connection)
        .sort(),
    );
  });

  it('is not allowed after the lease, nor to the one before its successor', async () => {
    await world.claim(seeded, 'slow');
    await world.expireLease(seeded);
    expect(await begin('slow')).toBe(false);
    await world.claim(seeded, 'quick');
    expect(await begin('slow')).toBe(false);
    expect(await begin('quick')).toBe(true);
  });

  it('is not allowed for a connection that is disconnected or given up meanwhile', async () => {
    await world.claim(seeded, 'owner');
    for (const status of ['revoked', 'needs_reauthorization']) {
      await world.setStatus(seeded, status);
      expect(await begin('owner')).toBe(false);
    }
    expect(await world.load(seeded)).toMatchObject({ sentMsAgo: null });
  });

  it('stays on record after a crash, for whoever comes next, as of the first time', async () => {
    await world.claim(seeded, 'crashed');
    await begin('crashed');
    await world.expireLease(seeded);
    await world.database.admin.query(`UPDATE vault.credential SET sent_at = now() - interval '1 hour'`);
    for (const owner of ['next', 'later']) {
      const [due] = await world.claimDue({ owner });
      expect(due?.sentMsAgo).toBeGreaterThanOrEqual(3_600_000);
      expect(await begin(owner)).toBe(true);
      await world.expireLease(seeded);
    }
    expect((await world.load(seeded)).sentMsAgo).toBeGreaterThanOrEqual(3_600_000);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['the answer is stored', () => store.commit(refreshedTokens(seeded, 1), [])],
    ['the connection is authorized anew', () => world.authorize(seeded, 2)],
    ['the lease is given back, nothing having been redeemed', () => release('owner')],
  ])('is no longer on record once %s', async (_what, settle) => {
    await world.claim(seeded, 'owner');
    await begin('owner');
    expect((await world.load(seeded)).sentMsAgo).not.toBeNull();
    await settle();
    expect(await world.load(seeded)).toMatchObject({ sentMsAgo: null, leaseOwner: null });
  });

  it('stays on record where the token may have been redeemed', async () => {
    await world.claim(seeded, 'owner');
    await begin('owner');
    expect(await release('owner', true)).toBe(true);
    const row = await world.load(seeded);
    expect(row).toMatchObject({ leaseOwner: null, failures: 1 });
    expect(row.sentMsAgo).not.toBeNull();
  });
});

describe('a failed refresh', () => {
  it('gives the lease back, counts, waits, tells, and leaves the token as it is', async () => {
    const before = await world.load(seeded);
    await world.claim(seeded, 'owner');
    const told = message();
    expect(await release('owner', false, [told])).toBe(true);
    const after = await world.load(seeded);
    expect(after).toMatchObject({ failures: 1, leaseOwner: null, generation: 1, sealedAccess: before.sealedAccess });
    expect(after.refreshInMs).toBeGreaterThan(60_000);
    expect(after.refreshInMs).toBeLessThanOrEqual(90_000);
    expect(await world.outbox()).toEqual([told.id]);
    expect(await world.claimDue()).toEqual([]);
  });

  it('keeps askers waiting until its time, and no longer', async () => {
    await world.claim(seeded, 'owner');
    await release('owner');
    const claim = await world.claim(seeded, 'asker');
    expect(claim).toMatchObject({ outcome: 'backing_off', appRejected: false });
    expect(claim.outcome === 'backing_off' && claim.retryInMs).toBeGreaterThan(60_000);
    await world.database.admin.query('UPDATE vault.credential SET refresh_at = now()');
    expect(await world.claim(seeded, 'asker')).toMatchObject({ outcome: 'claimed', credential: { failures: 1 } });
  });

  it('that nobody is to blame for is not counted, and keeps nobody waiting', async () => {
    await world.claim(seeded, 'owner');
    await store.releaseFailed(
      { ...seeded, owner: 'owner', generation: 1, retryInMs: 90_000, maybeRedeemed: false, counts: false },
      [],
    );
    expect(await world.claimDue()).toEqual([]);
    expect(await world.claim(seeded, 'asker')).toMatchObject({ outcome: 'claimed', credential: { failures: 0 } });
  });

  it('does not disturb whoever has the lease by now, and records nothing', async () => {
    await world.claim(seeded, 'slow');
    await world.expireLease(seeded);
    await world.claim(seeded, 'quick');
    expect(await release('slow')).toBe(false);
    expect(await world.load(seeded)).toMatchObject({ leaseOwner: 'quick', failures: 0 });
    expect(await world.outbox()).toEqual([]);
  });

  it('counts up while it goes on, and anew after a success', async () => {
    for (let attempt = 1; attempt <= 3; attempt++) {
      await world.database.admin.query('UPDATE vault.credential SET refresh_at = now()');
      await world.claim(seeded, 'owner');
      await release('owner');
      expect(await world.load(seeded)).toMatchObject({ failures: attempt });
    }
    await store.commit(refreshedTokens(seeded, 1), []);
    expect(await world.load(seeded)).toMatchObject({ failures: 0 });
  });
});
