import { withOrg } from '@keyward/postgres';
import { waitFor } from '@keyward/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RefreshStore } from '../test/refresh-store.js';
import { authorizedTokens, refreshedTokens } from '../test/tokens.js';
import type { SeededConnection } from '../test/vault-database.js';
import { createCredentialStore, type CredentialStore } from './index.js';

/** Statements of this database that wait for somebody's lock. */
const WAITING = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;

describe('two changes of one credential at the same moment', () => {
  let world: RefreshStore;
  let store: CredentialStore;
  let seeded: SeededConnection;

  beforeAll(async () => {
    world = await RefreshStore.start();
    store = world.store;
  });
  afterAll(() => world.stop());
  beforeEach(async () => {
    seeded = await world.connected(await world.database.newOrganization());
  });

  const mark = ({ org, connection }: SeededConnection): Promise<boolean> =>
    store.markNeedsReauthorization({ org, connection, generation: 1, reason: 'refused' }, []);

  /** Runs `first` up to its commit, starts `second`, waits until that waits for the first's locks, and only then commits the first. */
  async function interleaved<T>(first: string[], second: () => Promise<T>): Promise<T> {
    const client = await world.database.admin.connect();
    try {
      await client.query('BEGIN');
      for (const statement of first) await client.query(statement, [seeded.connection]);
      const outcome = second();
      await waitFor(async () => (await world.database.admin.query(WAITING)).rows.length > 0, {
        what: 'a transaction that waits for a lock',
      });
      await client.query('COMMIT');
      return await outcome;
    } finally {
      client.release();
    }
  }
  const GIVE_UP = [
    `UPDATE vault.connection SET status = 'needs_reauthorization', status_reason = 'why' WHERE id = $1`,
    'UPDATE vault.credential SET refresh_at = NULL WHERE connection_id = $1',
  ];
  const STORE = [
    'SELECT FROM vault.connection WHERE id = $1 FOR NO KEY UPDATE',
    'UPDATE vault.credential SET generation = generation + 1 WHERE connection_id = $1',
  ];

  it('giving up just before a commit does not outlive it: the new token makes the connection active', async () => {
    expect(await interleaved(GIVE_UP, () => store.commit(refreshedTokens(seeded, 1), []))).toBe(true);
    expect(await world.load(seeded)).toMatchObject({ generation: 2, status: 'active' });
  });

  it('giving up that waits for a commit sees the new generation, although it began before', async () => {
    expect(await interleaved(STORE, () => mark(seeded))).toBe(false);
    expect(await world.load(seeded)).toMatchObject({ generation: 2, status: 'active' });
  });

  it('a disconnect just before a commit wins', async () => {
    const revoke = [`UPDATE vault.connection SET status = 'revoked' WHERE id = $1`];
    expect(await interleaved(revoke, () => store.commit(refreshedTokens(seeded, 1), []))).toBe(false);
    expect(await world.load(seeded)).toMatchObject({ generation: 1, status: 'revoked' });
  });

  it('a commit just before a commit of the same generation wins', async () => {
    expect(await interleaved(STORE, () => store.commit(refreshedTokens(seeded, 1), []))).toBe(false);
    expect(await world.generation(seeded)).toBe(2);
  });

  it('an authorization, a commit and giving up never deadlock', async () => {
    for (let round = 0; round < 10; round++) {
      const one = await world.connected(seeded.org);
      await Promise.all([
        withOrg(world.auth, one.org, async (em) => {
          await em.query('UPDATE vault.connection SET updated_at = now() WHERE id = $1', [one.connection]);
          return createCredentialStore(world.auth).storeAuthorized(em, authorizedTokens(one, 2));
        }),
        store.commit(refreshedTokens(one, 1), []),
        mark(one),
      ]);
      expect(await world.load(one)).toMatchObject({ generation: 2, status: 'active' });
    }
  });
});
