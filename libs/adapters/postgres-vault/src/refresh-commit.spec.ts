import { waitFor } from '@keyward/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { message, RefreshStore } from '../test/refresh-store.js';
import { refreshedTokens } from '../test/tokens.js';
import type { SeededConnection } from '../test/vault-database.js';

let world: RefreshStore;
let fleet: SeededConnection[];

beforeAll(async () => {
  world = await RefreshStore.start();
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.clear();
  const orgs = [await world.database.newOrganization(), await world.database.newOrganization()];
  fleet = await Promise.all(Array.from({ length: 6 }, (_, index) => world.connected(orgs[index % 2] ?? '')));
});

describe('commits that are made at once', () => {
  it('are few transactions, and each keeps its own answer with its own messages', async () => {
    const transactions = async () => {
      const { rows } = await world.database.admin.query<{ id: string }>('SELECT DISTINCT xmin::text AS id FROM vault.credential');
      return rows.length;
    };
    const told = fleet.map((_, index) => Array.from({ length: index % 3 }, message));
    const commits = fleet.map((one, index) => {
      const odd = index % 2 === 1;
      const scopes = odd ? { scopes: ['with "quotes"', 'and, commas'], parameters: { host: `https://${index}.example` } } : {};
      const times = odd ? { accessExpiresInMs: null, refreshInMs: null } : { accessExpiresInMs: 1_000_000 * (index + 1) };
      return {
        ...refreshedTokens(one, index === 4 ? 7 : 1),
        ...times,
        ...scopes,
        sealedRefresh: odd ? null : Buffer.from([index]),
      };
    });
    const kept = await Promise.all(commits.map((commit, index) => world.store.commit(commit, told[index] ?? [])));
    expect(kept).toEqual([true, true, true, true, false, true]);
    expect(await transactions()).toBeLessThanOrEqual(3);

    const ids = told.flatMap((messages, index) => (index === 4 ? [] : messages.map(({ id }) => id)));
    expect((await world.outbox()).sort()).toEqual(ids.sort());
    for (const [index, one] of fleet.entries()) {
      if (index === 4) continue;
      const { sealedAccess, sealedRefresh, accessExpiresInMs } = commits[index] ?? refreshedTokens(one, 1);
      const row = await world.load(one);
      expect(row).toMatchObject({ generation: 2, sealedAccess, sealedRefresh, scopes: commits[index]?.scopes ?? ['notes:read'] });
      if (accessExpiresInMs === null) expect(row).toMatchObject({ accessExpiresInMs: null, refreshInMs: null });
      else expect(Math.abs((row.accessExpiresInMs ?? 0) - accessExpiresInMs)).toBeLessThan(60_000);
      if (index % 2 === 1) expect(row.parameters).toMatchObject({ host: `https://${index}.example` });
    }
    expect(await world.generation(fleet[4] as SeededConnection)).toBe(1);
  });

  it('fail alone: one that no database takes keeps no other from being kept', async () => {
    const twice = message();
    const outcomes = await Promise.allSettled(
      fleet.map((one, index) => world.store.commit(refreshedTokens(one, 1), index === 2 ? [twice, twice] : [message()])),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(fleet.map((_, index) => (index === 2 ? 'rejected' : 'fulfilled')));
    expect(await Promise.all(fleet.map((one) => world.generation(one)))).toEqual([2, 2, 1, 2, 2, 2]);
    expect(await world.outbox()).toHaveLength(5);
  });

  it('wait alone: one whose row somebody holds keeps no other waiting', async () => {
    const holder = await world.database.admin.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM vault.connection WHERE id = $1 FOR UPDATE', [fleet[2]?.connection]);
      const kept: number[] = [];
      const commits = fleet.map(async (one, index) => {
        if (await world.store.commit(refreshedTokens(one, 1), [message()])) kept.push(index);
      });
      await waitFor(() => kept.length === 5, { what: 'the others to be kept' });
      await holder.query('COMMIT');
      await Promise.all(commits);
      expect(kept.sort()).toEqual([0, 1, 2, 3, 4, 5]);
      expect(await world.outbox()).toHaveLength(6);
    } finally {
      holder.release(true);
    }
  });
});
