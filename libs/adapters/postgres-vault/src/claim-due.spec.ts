import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { withClockSetBy } from '@keyward/testing';
import { dueRows, type DueRow } from '../test/due-rows.js';
import { LEASE_MS, message, RefreshStore } from '../test/refresh-store.js';
import { refreshedTokens } from '../test/tokens.js';
import type { RefreshableCredential } from './index.js';

let world: RefreshStore;
beforeAll(async () => {
  world = await RefreshStore.start();
});
afterAll(() => world.stop());
beforeEach(() => world.clear());

const admin = () => world.database.admin;
const make = (rows: readonly DueRow[]) => dueRows(admin(), rows);
const ids = (claimed: readonly RefreshableCredential[]) => claimed.map(({ connection }) => connection);
/** How many of each, by the first part of their ids. */
const countsOf = (claimed: readonly RefreshableCredential[]) =>
  Object.fromEntries(
    [...Map.groupBy(ids(claimed), (id) => id.split('-')[0])].map(([group, { length }]) => [group, length] as const),
  );

describe('what is due', () => {
  it('is claimed in order of expiry inside one organization and provider', async () => {
    await make([
      { id: 'last', dueMsAgo: 1_000 },
      { id: 'first', dueMsAgo: 60_000 },
      { id: 'second', dueMsAgo: 30_000 },
      { id: 'not', dueMsAgo: -60_000 },
    ]);
    expect(ids(await world.claimDue())).toEqual(['first', 'second', 'last']);
    expect(await world.claimDue()).toEqual([]);
  });

  it('is claimed late without an end to the lateness', async () => {
    await make([{ id: 'a', dueMsAgo: 90 * 86_400_000 }]);
    const [due] = await world.claimDue();
    expect(due?.refreshInMs).toBeLessThanOrEqual(-90 * 86_400_000);
  });

  it('is as many as were asked for, however many there are, until there are no more', async () => {
    await make(Array.from({ length: 150 }, (_, i) => ({ id: `a-${i}`, dueMsAgo: i })));
    const sizes = [];
    for (let claims = 0; claims < 4; claims++) sizes.push((await world.claimDue({ limit: 64 })).length);
    expect(sizes).toEqual([64, 64, 22, 0]);
  });

  it('leaves alone what is leased, not renewable, asleep or not active', async () => {
    await make([{ id: 'leased' }, { id: 'fixed' }, { id: 'asleep' }, { id: 'given_up' }, { id: 'revoked' }, { id: 'due' }]);
    await admin().query(`UPDATE vault.credential SET lease_until = now() + interval '1 minute' WHERE connection_id = 'leased'`);
    await admin().query(`UPDATE vault.credential SET renewable = false WHERE connection_id = 'fixed'`);
    await admin().query(`UPDATE vault.credential SET refresh_at = NULL WHERE connection_id = 'asleep'`);
    await admin().query(`UPDATE vault.connection SET status = 'needs_reauthorization' WHERE id = 'given_up'`);
    await admin().query(`UPDATE vault.connection SET status = 'revoked' WHERE id = 'revoked'`);
    expect(ids(await world.claimDue())).toEqual(['due']);
  });

  it('is never again what is disconnected or given up, unless it is authorized again', async () => {
    const seeded = await world.connected(await world.database.newOrganization());
    await world.setStatus(seeded, 'needs_reauthorization');
    expect(await world.claimDue()).toEqual([]);
    expect(await world.load(seeded)).toMatchObject({ refreshInMs: null });
    await world.authorize(seeded, 2);
    expect(ids(await world.claimDue())).toEqual([seeded.connection]);
  });

  it('is found behind any number of connections that are not active', async () => {
    await make(Array.from({ length: 40 }, (_, i) => ({ id: `gone-${i}`, dueMsAgo: 60_000 })));
    await admin().query(`UPDATE vault.connection SET status = 'revoked'`);
    await make([{ id: 'due', dueMsAgo: 0 }]);
    expect(ids(await world.claimDue({ limit: 4 }))).toEqual(['due']);
  });

  it('is not what an authorization stores just while it is looked at', async () => {
    const seeded = await world.connected(await world.database.newOrganization());
    const client = await admin().connect();
    try {
      await client.query('BEGIN');
      await client.query(
        `UPDATE vault.credential SET generation = 2, refresh_at = now() + interval '1 hour' WHERE connection_id = $1`,
        [seeded.connection],
      );
      expect(await world.claimDue()).toEqual([]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    expect(await world.load(seeded)).toMatchObject({ generation: 2, leaseOwner: null });
  });
});

describe('two who claim at once', () => {
  it('share what is due without overlap, and none goes away with nothing while there is something', async () => {
    await make(Array.from({ length: 200 }, (_, i) => ({ id: `a-${i}`, provider: `p${i % 3}`, org: `org_${i % 7}` })));
    const claims = await Promise.all(Array.from({ length: 10 }, (_, i) => world.claimDue({ owner: `o${i}`, limit: 20 })));
    expect(claims.map(({ length }) => length)).toEqual(Array(10).fill(20));
    expect(new Set(claims.flatMap(ids)).size).toBe(200);
  });

  it('of whom one has stopped in the middle: the other waits for it but a moment, and takes what it has not', async () => {
    await make(Array.from({ length: 60 }, (_, i) => ({ id: `a-${i}`, dueMsAgo: 60_000 - i })));
    const stopped = await admin().connect();
    try {
      await stopped.query('BEGIN');
      const theirs = await stopped.query<{ connection_id: string }>(
        `SELECT connection_id FROM vault.claim_due('stopped', 60000, 20, '{}', '{}')`,
      );
      const ours = [...(await world.claimDue({ limit: 20 })), ...(await world.claimDue({ limit: 100 }))];
      await stopped.query('COMMIT');
      expect(theirs.rows).toHaveLength(20);
      expect(ours).toHaveLength(40);
      expect(new Set([...ids(ours), ...theirs.rows.map((row) => row.connection_id)]).size).toBe(60);
    } finally {
      stopped.release();
    }
  });

  it('with askers on demand in between: every row has one holder', async () => {
    await make(Array.from({ length: 60 }, (_, i) => ({ id: `a-${i}`, org: 'org_x' })));
    const asked = Array.from({ length: 60 }, (_, i) =>
      world.store.claim({ org: 'org_x', connection: `a-${i}`, newerThan: 1, owner: `asker-${i}`, leaseMs: LEASE_MS }),
    );
    const [first, second, ...answers] = await Promise.all([
      world.claimDue({ owner: 'x' }),
      world.claimDue({ owner: 'y' }),
      ...asked,
    ]);
    const onDemand = answers.flatMap((each) => (each.outcome === 'claimed' ? [each.credential] : []));
    const held = [...first, ...second, ...onDemand];
    expect(new Set(ids(held)).size).toBe(held.length);
    expect(answers.every(({ outcome }) => outcome === 'claimed' || outcome === 'busy')).toBe(true);
    const { rows } = await admin().query('SELECT connection_id, lease_owner FROM vault.credential ORDER BY 1');
    expect(rows).toEqual(
      held
        .map(({ connection, leaseOwner }) => ({ connection_id: connection, lease_owner: leaseOwner }))
        .sort((a, b) => (a.connection_id < b.connection_id ? -1 : 1)),
    );
  });

  it('in any order, at any size, with failures and crashes in between: nothing is held twice, and in the end all is refreshed', async () => {
    const anyRow = fc.record({ org: fc.nat(8), provider: fc.nat(4), dueMsAgo: fc.nat(60_000) });
    const anyStep = fc.record({
      limit: fc.integer({ min: 1, max: 40 }),
      fates: fc.array(fc.nat(9), { minLength: 40, maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRow, { minLength: 30, maxLength: 120 }),
        fc.array(anyStep, { minLength: 12, maxLength: 12 }),
        async (rows, steps) => {
          await world.clear();
          await make(
            rows.map((row, i) => ({ id: `r-${i}`, org: `org_${row.org}`, provider: `p${row.provider}`, dueMsAgo: row.dueMsAgo })),
          );
          const drain = new Drain();
          const [a, b, c] = [steps.slice(0, 4), steps.slice(4, 8), steps.slice(8)];
          await Promise.all([drain.work('a', a), drain.work('b', b), drain.work('c', c)]);
          while ((await drain.step('last', { limit: 40, fates: [] })) > 0);
          expect(drain.stored).toBe(rows.length);
        },
      ),
      { numRuns: 6, endOnFailure: true },
    );
  });
});

interface Step {
  limit: number;
  /** Of each claimed: below 6 it is refreshed, below 8 it fails, and otherwise its holder is not heard of again. */
  fates: readonly number[];
}

class Drain {
  stored = 0;
  readonly #held = new Set<string>();

  async work(owner: string, steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.step(owner, step);
  }

  async step(owner: string, { limit, fates }: Step): Promise<number> {
    const due = await world.claimDue({ owner, limit });
    expect(due.filter(({ connection }) => this.#held.has(connection))).toEqual([]);
    for (const { connection } of due) this.#held.add(connection);
    for (const [index, { org, connection, generation }] of due.entries()) {
      const fate = fates[index] ?? 0;
      this.#held.delete(connection);
      if (fate < 6) {
        const refresh = { ...refreshedTokens({ org, connection }, generation), refreshInMs: 3_600_000 };
        expect(await world.store.commit(refresh, [])).toBe(true);
        this.stored++;
      } else if (fate < 8) {
        await world.store.releaseFailed({ org, connection, owner, generation, retryInMs: 0, maybeRedeemed: false }, []);
      } else {
        await admin().query('UPDATE vault.credential SET lease_until = now() WHERE connection_id = $1', [connection]);
      }
    }
    return due.length;
  }
}

describe('fairness', () => {
  it('one organization with 5,000 due does not keep another’s 10 from the first claim', async () => {
    await make(Array.from({ length: 5_000 }, (_, i) => ({ id: `big-${i}`, org: 'org_big', dueMsAgo: 60_000 })));
    await make(Array.from({ length: 10 }, (_, i) => ({ id: `small-${i}`, org: 'org_small', dueMsAgo: 1_000 })));
    expect(countsOf(await world.claimDue({ limit: 64 }))).toEqual({ small: 10, big: 54 });
  });

  it('one provider with a backlog does not keep others from the first claim, and takes what they leave', async () => {
    const backlog = Array.from({ length: 2_000 }, (_, i) => ({
      id: `big-${i}`,
      org: `org_${i % 50}`,
      provider: 'big',
      dueMsAgo: 600_000,
    }));
    const others = Array.from({ length: 9 }, (_, i) => ({ id: `other${i % 3}-${i}`, provider: `small-${i % 3}`, dueMsAgo: 100 }));
    await make([...backlog, ...others]);
    expect(countsOf(await world.claimDue({ limit: 40 }))).toEqual({ other0: 3, other1: 3, other2: 3, big: 31 });
  });

  it('over organizations holds also where a provider takes one request at a time', async () => {
    await make(Array.from({ length: 60 }, (_, i) => ({ id: `big-${i}`, org: 'org_big', dueMsAgo: 60_000 + i })));
    await make([{ id: 'small', org: 'org_small' }]);
    const rooms = [{ provider: 'provider', room: 1 }];
    const claimed = [];
    for (let claims = 0; claims < 40; claims++) claimed.push(...(await world.claimDue({ limit: 64, rooms })));
    expect(claimed).toHaveLength(40);
    // Of two organizations each is as likely: that it is never this one's turn has a chance of 1 in 2 to the 40th.
    expect(ids(claimed)).toContain('small');
  });

  it('takes no more of a provider than it has room for, nothing where it has none, and all that others have', async () => {
    await make(
      ['paused', 'narrow', 'open'].flatMap((provider) =>
        Array.from({ length: 30 }, (_, i) => ({ id: `${provider}-${i}`, provider })),
      ),
    );
    const rooms = [
      { provider: 'paused', room: 0 },
      { provider: 'narrow', room: 5 },
      { provider: 'unheard', room: 5 },
    ];
    expect(countsOf(await world.claimDue({ limit: 100, rooms }))).toEqual({ narrow: 5, open: 30 });
    expect(countsOf(await world.claimDue({ limit: 100, rooms }))).toEqual({ narrow: 5 });
    expect(countsOf(await world.claimDue({ limit: 100 }))).toEqual({ paused: 30, narrow: 20 });
  });
});

describe('clocks', () => {
  it.each([
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ])('of the process are of no account: an hour %s, the same is due, leased and stored', async (_which, ms) => {
    const seeded = await world.connected(await world.database.newOrganization());
    await withClockSetBy(ms, async () => {
      expect(ids(await world.claimDue())).toEqual([seeded.connection]);
      expect(await world.store.begin({ ...seeded, owner: 'owner', generation: 1, needMs: LEASE_MS / 2 })).toBe(true);
      const stored = { ...refreshedTokens(seeded, 1), accessExpiresInMs: 60_000 };
      expect(await world.store.commit(stored, [message()])).toBe(true);
    });
    const { rows } = await admin().query(
      `SELECT access_expires_at BETWEEN now() AND now() + interval '61 s' AS so FROM vault.credential`,
    );
    expect(rows).toEqual([{ so: true }]);
  });

  it('are nowhere in what is told: no moment, only lengths', async () => {
    const seeded = await world.connected(await world.database.newOrganization(), { refreshExpiresInMs: 9e9 });
    await world.claim(seeded, 'owner');
    await world.store.begin({ ...seeded, owner: 'owner', generation: 1, needMs: 0 });
    const { providerApp, ...row } = await world.load(seeded);
    const values = [...Object.values(row), ...Object.values(providerApp ?? {}), await world.claim(seeded, 'other')];
    expect(values.filter((value) => value instanceof Date)).toEqual([]);
    expect(values.filter((value) => typeof value === 'number' && value > Date.now() / 2)).toEqual([]);
  });
});
