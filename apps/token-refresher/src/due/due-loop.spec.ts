import { describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import pino from 'pino';
import type { Claim, Outcome } from '../refresh/claim.js';
import { DueLoop } from './due-loop.js';

const logger = pino({ enabled: false });

/** A loop over a heap of due credentials, whose refreshes end when told to. */
function loopOver(due: number, slots: number) {
  const heap = Array.from({ length: due }, (_, index) => ({
    org: 'org',
    connection: `conn_${index}`,
    generation: 1,
    staleIntent: false,
  }));
  const limits: number[] = [];
  const running = new Map<string, (outcome: Outcome) => void>();
  let most = 0;
  let failNextClaim = false;
  const loop = new DueLoop({
    owner: 'test',
    leaseMs: 30_000,
    slots,
    pollMs: 20,
    logger,
    store: {
      claimDue: async (_owner, _leaseMs, limit) => {
        limits.push(limit);
        if (failNextClaim) {
          failNextClaim = false;
          throw new Error('the store is away');
        }
        return heap.splice(0, limit);
      },
    },
    run: (claim: Claim) =>
      new Promise((resolve) => {
        running.set(claim.connection, resolve);
        most = Math.max(most, running.size);
      }),
  });
  const end = (connection: string) => {
    running.get(connection)?.({ kind: 'refreshed', generation: 2 });
    running.delete(connection);
  };
  return {
    loop,
    running,
    limits,
    end,
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
