import { describe, expect, it } from '@jest/globals';
import type { RefreshableCredential } from '@keyward/postgres-vault';
import { waitFor } from '@keyward/testing';
import pino from 'pino';
import type { Claim, Outcome } from '../refresh/claim.js';
import { DueLoop } from './due-loop.js';

const logger = pino({ enabled: false });

/** A loop over a heap of due credentials, whose refreshes end when told to. */
function loopOver(due: number, slots: number, { room = Infinity, pollMs = 20 }: { room?: number; pollMs?: number } = {}) {
  const heap = Array.from({ length: due }, (_, index) => ({
    ...{ org: 'org', connection: `conn_${index}`, provider: 'acme', refreshInMs: -index * 1000, readAt: performance.now() },
  })) as RefreshableCredential[];
  const limits: number[] = [];
  const late: number[] = [];
  const running = new Map<string, (outcome: Outcome) => void>();
  let most = 0;
  let failNextClaim = false;
  const roomLeft = () => room - running.size;
  const loop = new DueLoop({
    ...{ newLease: () => 'test', leaseMs: 30_000, slots, pollMs, logger },
    rooms: () => [{ provider: 'acme', room: Math.max(0, roomLeft()) }],
    metrics: { late: (_provider, seconds) => late.push(seconds) },
    store: {
      claimDue: async ({ limit, rooms }) => {
        limits.push(limit);
        if (failNextClaim) {
          failNextClaim = false;
          throw new Error('the store is away');
        }
        return heap.splice(0, Math.min(limit, rooms[0]?.room ?? limit));
      },
    },
    run: ({ row }: Claim) =>
      new Promise((resolve) => {
        running.set(row.connection, resolve);
        most = Math.max(most, running.size);
      }),
  });
  const end = (connection: string) => {
    const resolve = running.get(connection);
    running.delete(connection);
    resolve?.({ kind: 'refreshed', generation: 2 });
  };
  return {
    ...{ loop, running, limits, late, end },
    most: () => most,
    failNextClaim: () => (failNextClaim = true),
    endAll: () => [...running.keys()].forEach(end),
  };
}

describe('the due loop', () => {
  it('never has more in hand than its slots, and takes up the next as soon as one ends', async () => {
    const { loop, running, end, endAll, most, limits } = loopOver(10, 3);
    loop.start();
    await waitFor(() => running.size === 3);
    end('conn_0');
    await waitFor(() => running.has('conn_3'));
    for (let last = 3; last < 10; last++) {
      endAll();
      await waitFor(() => running.size > 0 || limits.at(-1) === 3);
    }
    endAll();
    await loop.stop();
    expect(most()).toBe(3);
  });

  it('keeps a provider busy that alone takes fewer than a quarter of the slots', async () => {
    const { loop, running, end, endAll } = loopOver(60, 256, { room: 40, pollMs: 600_000 });
    loop.start();
    await waitFor(() => running.size === 40);
    for (let ended = 0; ended < 10; ended++) end(`conn_${ended}`);
    await waitFor(() => running.has('conn_49'));
    for (let rounds = 0; rounds < 2; rounds++) {
      endAll();
      await new Promise((resolve) => setImmediate(resolve));
    }
    endAll();
    await loop.stop();
  });

  it('goes on at once while there is more and room, without waiting for its poll', async () => {
    const { loop, running, endAll, most } = loopOver(40, 8, { pollMs: 600_000 });
    loop.start();
    for (let rounds = 0; rounds < 5; rounds++) {
      await waitFor(() => running.size === 8);
      endAll();
    }
    await loop.stop();
    expect(most()).toBe(8);
  });

  it('leases no more than the lanes can take, and comes back when they have room, not only slots', async () => {
    const { loop, running, endAll, most } = loopOver(10, 8, { room: 2, pollMs: 600_000 });
    loop.start();
    for (let rounds = 0; rounds < 5; rounds++) {
      await waitFor(() => running.size === 2);
      endAll();
    }
    await loop.stop();
    expect(most()).toBe(2);
  });

  it('does not look again and again for what a closed lane keeps from it', async () => {
    const { loop, limits } = loopOver(10, 8, { room: 0, pollMs: 600_000 });
    loop.start();
    await waitFor(() => limits.length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    await loop.stop();
    expect(limits).toEqual([8]);
  });

  it('says how late each was taken up', async () => {
    const { loop, running, endAll, late } = loopOver(3, 8);
    loop.start();
    await waitFor(() => running.size === 3);
    endAll();
    await loop.stop();
    expect(late).toEqual([0, 1, 2]);
  });

  it('goes on after the store was away', async () => {
    const { loop, running, endAll, failNextClaim } = loopOver(1, 3);
    failNextClaim();
    loop.start();
    await waitFor(() => running.size === 1);
    endAll();
    await loop.stop();
  });

  it('ends what it has begun before it has stopped, and begins nothing more', async () => {
    const { loop, running, endAll, limits } = loopOver(2, 1);
    loop.start();
    await waitFor(() => running.size === 1);
    let stopped = false;
    const stopping = loop.stop().then(() => (stopped = true));
    const claims = limits.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    endAll();
    await stopping;
    expect(limits).toHaveLength(claims);
    expect(running.size).toBe(0);
  });
});
