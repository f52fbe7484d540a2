import { newId, type KeywardError } from '@keyward/contracts';
import { withOrg } from '@keyward/postgres';
import { dedicatedPostgres, waitFor } from '@keyward/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { authorizedTokens, refreshedTokens } from '../test/tokens.js';
import { VaultDatabase, type SeededConnection } from '../test/vault-database.js';
import { createCredentialStore, type CredentialStore } from './index.js';

const LEASE_MS = 60_000;

let database: VaultDatabase;
let auth: DataSource;
let refresher: DataSource;
let store: CredentialStore;
let seeded: SeededConnection;

beforeAll(async () => {
  database = await VaultDatabase.start();
  [auth, refresher] = [await database.as('auth'), await database.as('refresher')];
  store = createCredentialStore(refresher);
});
afterAll(() => database.stop());

const authorize = (generation: number, to = seeded): Promise<boolean> =>
  withOrg(auth, to.org, (em) => createCredentialStore(auth).storeAuthorized(em, authorizedTokens(to, generation)));

const claim = (owner: string, newerThan = 1, to = seeded) =>
  store.claim({ org: to.org, connection: to.connection, newerThan, owner, leaseMs: LEASE_MS });

/** Time passes: the lease of the connection has run out, as after a crash of its holder. */
async function expireLease(to = seeded): Promise<void> {
  await database.admin.query(`UPDATE vault.credential SET lease_until = now() - interval '1 second' WHERE connection_id = $1`, [
    to.connection,
  ]);
}

async function connectionRow(to = seeded): Promise<Record<string, unknown>> {
  const { rows } = await database.admin.query('SELECT status, status_reason, scopes FROM vault.connection WHERE id = $1', [
    to.connection,
  ]);
  return rows[0] as Record<string, unknown>;
}

async function setStatus(status: string): Promise<void> {
  await database.admin.query('UPDATE vault.connection SET status = $2 WHERE id = $1', [seeded.connection, status]);
}

beforeEach(async () => {
  await database.admin.query('DELETE FROM vault.credential');
  seeded = await database.newConnection(await database.newOrganization(), 'pending');
  expect(await authorize(1)).toBe(true);
});

describe('storing an authorization', () => {
  it('makes the connection active with the scopes as granted', async () => {
    expect(await connectionRow()).toEqual({ status: 'active', status_reason: null, scopes: ['notes:read'] });
    expect(await store.currentGeneration(seeded.org, seeded.connection)).toBe(1);
  });

  it('again takes the next generation only, ends every lease and intent, and starts counting failures anew', async () => {
    await claim('crashed');
    expect(await authorize(1)).toBe(false);
    expect(await authorize(3)).toBe(false);
    expect(await authorize(2)).toBe(true);
    expect(await store.load(seeded.org, seeded.connection)).toMatchObject({ generation: 2, leaseOwner: null, failures: 0 });
    expect(await claim('next', 2)).toEqual({ outcome: 'claimed', generation: 2, staleIntent: false });
  });

  it('revives a connection that waited for it, and never one that is revoked', async () => {
    await store.markNeedsReauthorization({ org: seeded.org, connection: seeded.connection, generation: 1, reason: 'why' });
    expect(await authorize(2)).toBe(true);
    expect(await connectionRow()).toMatchObject({ status: 'active', status_reason: null });
    await setStatus('revoked');
    expect(await authorize(3)).toBe(false);
    expect(await connectionRow()).toMatchObject({ status: 'revoked' });
    expect(await store.currentGeneration(seeded.org, seeded.connection)).toBe(2);
  });

  it('is undone with the transaction it is part of', async () => {
    const failing = withOrg(auth, seeded.org, async (em) => {
      await createCredentialStore(auth).storeAuthorized(em, authorizedTokens(seeded, 2));
      throw new Error('audit refused');
    });
    await expect(failing).rejects.toThrow('audit refused');
    expect(await store.currentGeneration(seeded.org, seeded.connection)).toBe(1);
  });

  it('finds nothing in another organization', async () => {
    const other = await database.newOrganization();
    expect(await store.load(other, seeded.connection)).toBeNull();
    expect(await store.currentGeneration(other, seeded.connection)).toBe(0);
    expect(await authorize(2, { ...seeded, org: other })).toBe(false);
  });
});

describe('the lease', () => {
  it('of what is due goes to one claimer each, however many claim at once', async () => {
    const due = [seeded.connection];
    for (let i = 0; i < 19; i++) {
      const more = await database.newConnection(seeded.org);
      await authorize(1, more);
      due.push(more.connection);
    }
    const claims = await Promise.all(Array.from({ length: 8 }, (_, i) => store.claimDue(`owner-${i}`, LEASE_MS, 5)));
    const claimed = claims.flat();
    expect(claimed.map((each) => each.connection).sort()).toEqual(due.sort());
    expect(claimed).toEqual(claimed.map((each) => ({ ...each, org: seeded.org, generation: 1, staleIntent: false })));
    expect(await store.claimDue('late', LEASE_MS, 100)).toEqual([]);
  });

  it('on demand goes to one of many askers; the others hear until when to wait', async () => {
    const claims = await Promise.all(Array.from({ length: 8 }, (_, i) => claim(`owner-${i}`)));
    expect(claims.filter((each) => each.outcome === 'claimed')).toHaveLength(1);
    const busy = claims.filter((each) => each.outcome === 'busy');
    expect(busy).toHaveLength(7);
    for (const { leaseUntil } of busy) expect(leaseUntil.getTime()).toBeGreaterThan(Date.now());
    expect(await store.claimDue('other', LEASE_MS, 10)).toEqual([]);
  });

  it('is not needed by who asks for less than there is', async () => {
    expect(await claim('asker', 0)).toEqual({ outcome: 'newer', generation: 1 });
    expect(await store.load(seeded.org, seeded.connection)).toMatchObject({ leaseOwner: null });
  });

  it('is not given where nothing can be refreshed', async () => {
    const { org, connection } = seeded;
    const ask = (of: string) => store.claim({ org, connection: of, newerThan: 9, owner: 'o', leaseMs: LEASE_MS });
    expect(await ask(newId('conn'))).toEqual({ outcome: 'not_refreshable', status: null });
    await database.admin.query('UPDATE vault.credential SET renewable = false WHERE connection_id = $1', [connection]);
    expect(await ask(connection)).toEqual({ outcome: 'not_refreshable', status: 'active' });
    for (const status of ['needs_reauthorization', 'revoked']) {
      await setStatus(status);
      expect(await ask(connection)).toEqual({ outcome: 'not_refreshable', status });
    }
  });

  it('shows its intent: after a crash the next holder knows that this generation may be spent', async () => {
    await claim('crashed');
    await expireLease();
    expect(await claim('next')).toEqual({ outcome: 'claimed', generation: 1, staleIntent: true });
    await expireLease();
    expect(await store.claimDue('later', LEASE_MS, 10)).toMatchObject([{ connection: seeded.connection, staleIntent: true }]);
  });

  it('leaves no intent behind once its refresh is stored', async () => {
    await claim('owner');
    expect(await store.commit(refreshedTokens(seeded, 1))).toBe(true);
    expect(await store.claimDue('next', LEASE_MS, 10)).toMatchObject([{ generation: 2, staleIntent: false }]);
  });

  it('is written to the database before it is told: without a database there is none', async () => {
    const server = await dedicatedPostgres();
    const doomed = await VaultDatabase.start(server);
    const without = createCredentialStore(await doomed.as('refresher'));
    await server.kill();
    const { org, connection } = seeded;
    for (const claiming of [
      () => without.claimDue('owner', LEASE_MS, 10),
      () => without.claim({ org, connection, newerThan: 1, owner: 'o', leaseMs: LEASE_MS }),
    ]) {
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

describe('the commit', () => {
  it('stores the next generation with tokens, times and scopes, and ends the lease', async () => {
    await claim('owner');
    const next = { ...refreshedTokens(seeded, 1), scopes: ['notes:read', 'notes:write'] };
    expect(await store.commit(next)).toBe(true);
    expect(await store.load(seeded.org, seeded.connection)).toMatchObject({
      generation: 2,
      sealedAccess: next.sealedAccess,
      sealedRefresh: next.sealedRefresh,
      accessExpiresAt: next.accessExpiresAt,
      refreshAt: next.refreshAt,
      scopes: ['notes:read', 'notes:write'],
      status: 'active',
      leaseOwner: null,
      failures: 0,
    });
  });

  it('keeps the scopes where the answer names none', async () => {
    await store.commit(refreshedTokens(seeded, 1));
    expect(await connectionRow()).toMatchObject({ scopes: ['notes:read'] });
  });

  it('of new renewal material alone goes on counting what failed, and leaves no intent behind', async () => {
    await claim('owner');
    const retryAt = new Date('2031-01-01T00:00:00Z');
    expect(await store.commit({ ...refreshedTokens(seeded, 1), refreshAt: retryAt, failures: 3 })).toBe(true);
    const row = await store.load(seeded.org, seeded.connection);
    expect(row).toMatchObject({ generation: 2, failures: 3, refreshAt: retryAt, leaseOwner: null, status: 'active' });
    expect(await claim('next', 2)).toEqual({ outcome: 'claimed', generation: 2, staleIntent: false });
  });

  it('is won by one of many with the same generation', async () => {
    const commits = await Promise.all(Array.from({ length: 8 }, () => store.commit(refreshedTokens(seeded, 1))));
    expect(commits.filter(Boolean)).toHaveLength(1);
    expect(await store.currentGeneration(seeded.org, seeded.connection)).toBe(2);
  });

  it('changes nothing for an older or a later generation', async () => {
    await store.commit(refreshedTokens(seeded, 1));
    const before = await store.load(seeded.org, seeded.connection);
    expect(await store.commit(refreshedTokens(seeded, 1))).toBe(false);
    expect(await store.commit(refreshedTokens(seeded, 3))).toBe(false);
    expect(await store.load(seeded.org, seeded.connection)).toEqual(before);
  });

  it('of a late answer is kept although the lease is lost, if its generation is the next; the new holder then finds it done', async () => {
    await claim('slow');
    await expireLease();
    await claim('quick');
    expect(await store.commit(refreshedTokens(seeded, 1))).toBe(true);
    expect(await store.commit(refreshedTokens(seeded, 1))).toBe(false);
    expect(await claim('quick', 1)).toEqual({ outcome: 'newer', generation: 2 });
  });

  it('of a late answer revives a connection that was given up meanwhile', async () => {
    await claim('slow');
    await store.markNeedsReauthorization({
      org: seeded.org,
      connection: seeded.connection,
      generation: 1,
      reason: 'answer lost',
    });
    expect(await store.commit(refreshedTokens(seeded, 1))).toBe(true);
    expect(await connectionRow()).toMatchObject({ status: 'active', status_reason: null });
  });

  it('never touches a connection that was revoked meanwhile', async () => {
    await setStatus('revoked');
    expect(await store.commit(refreshedTokens(seeded, 1))).toBe(false);
    expect(await connectionRow()).toMatchObject({ status: 'revoked' });
    expect(await store.currentGeneration(seeded.org, seeded.connection)).toBe(1);
  });

  it('and what is recorded of it are one: neither without the other', async () => {
    const record = (em: { query(text: string): Promise<unknown> }) =>
      em
        .query(`INSERT INTO bus.outbox (id, subject, payload) VALUES ('${newId('msg')}', 'connection.refreshed', '')`)
        .then(() => undefined);
    const outbox = async () => (await database.admin.query('SELECT count(*)::int AS n FROM bus.outbox')).rows[0].n as number;
    const before = await outbox();
    const failing = store.commit(refreshedTokens(seeded, 1), async (em) => {
      await record(em);
      throw new Error('audit refused');
    });
    await expect(failing).rejects.toThrow('audit refused');
    expect(await store.currentGeneration(seeded.org, seeded.connection)).toBe(1);
    expect(await outbox()).toBe(before);
    await store.commit(refreshedTokens(seeded, 1), record);
    await store.commit(refreshedTokens(seeded, 1), record);
    expect(await outbox()).toBe(before + 1);
  });
});

describe('a failed refresh', () => {
  const retryAt = new Date('2031-01-01T00:00:00Z');
  const failure = (owner: string, maybeRedeemed = false) => ({
    org: seeded.org,
    connection: seeded.connection,
    generation: 1,
    owner,
    retryAt,
    maybeRedeemed,
  });

  it('gives the lease back, counts, waits, and leaves the token as it is', async () => {
    const before = await store.load(seeded.org, seeded.connection);
    await claim('owner');
    expect(await store.releaseFailed(failure('owner'))).toBe(true);
    const after = await store.load(seeded.org, seeded.connection);
    expect(after).toEqual({ ...before, refreshAt: retryAt, failures: 1 });
    expect(await store.claimDue('next', LEASE_MS, 10)).toEqual([]);
    expect(await claim('next')).toEqual({ outcome: 'claimed', generation: 1, staleIntent: false });
  });

  it('that may have redeemed the token leaves its intent for the next to see', async () => {
    await claim('owner');
    await store.releaseFailed(failure('owner', true));
    expect(await claim('next')).toEqual({ outcome: 'claimed', generation: 1, staleIntent: true });
  });

  it('does not disturb whoever has the lease by now, and records nothing', async () => {
    await claim('slow');
    await expireLease();
    await claim('quick');
    let recorded = false;
    const also = async () => void (recorded = true);
    expect(await store.releaseFailed(failure('slow'), also)).toBe(false);
    expect(recorded).toBe(false);
    expect(await store.load(seeded.org, seeded.connection)).toMatchObject({ leaseOwner: 'quick', failures: 0 });
  });

  it('counts up while it goes on, and anew after a success', async () => {
    for (let attempt = 1; attempt <= 3; attempt++) {
      await claim('owner');
      await store.releaseFailed(failure('owner'));
      expect(await store.load(seeded.org, seeded.connection)).toMatchObject({ failures: attempt });
    }
    await store.commit(refreshedTokens(seeded, 1));
    expect(await store.load(seeded.org, seeded.connection)).toMatchObject({ failures: 0 });
  });
});

describe('giving up', () => {
  const reason = 'the provider refused the refresh token';
  const mark = (generation: number, also?: () => Promise<void>) =>
    store.markNeedsReauthorization({ org: seeded.org, connection: seeded.connection, generation, reason }, also);

  it('stops refreshing and says why', async () => {
    await claim('owner');
    expect(await mark(1)).toBe(true);
    expect(await connectionRow()).toMatchObject({ status: 'needs_reauthorization', status_reason: reason });
    expect(await store.load(seeded.org, seeded.connection)).toMatchObject({ leaseOwner: null, refreshAt: null });
    expect(await store.claimDue('next', LEASE_MS, 10)).toEqual([]);
  });

  it('is moot once there is a newer generation: nothing changes and nothing is recorded', async () => {
    await store.commit(refreshedTokens(seeded, 1));
    let recorded = false;
    expect(await mark(1, async () => void (recorded = true))).toBe(false);
    expect(recorded).toBe(false);
    expect(await connectionRow()).toMatchObject({ status: 'active' });
  });

  it('does not bring a revoked connection back', async () => {
    await setStatus('revoked');
    expect(await mark(1)).toBe(false);
    expect(await connectionRow()).toMatchObject({ status: 'revoked' });
  });
});

describe('row-level security', () => {
  it('keeps every change inside the organization that is named', async () => {
    const other = await database.newOrganization();
    const { connection } = seeded;
    const foreign = { org: other, connection };
    expect(await store.commit({ ...refreshedTokens(seeded, 1), ...foreign })).toBe(false);
    expect(await store.markNeedsReauthorization({ ...foreign, generation: 1, reason: 'x' })).toBe(false);
    expect(await store.claim({ ...foreign, newerThan: 1, owner: 'o', leaseMs: LEASE_MS })).toMatchObject({ status: null });
    expect(await store.load(seeded.org, connection)).toMatchObject({ generation: 1, status: 'active', leaseOwner: null });
  });
});
