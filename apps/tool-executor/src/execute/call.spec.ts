import { describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { Call } from './call.js';

const MINUTE_MS = 60_000;

/** Asked for by a gateway whose clock is so much ahead of ours, in a message of that age. */
function call({ aheadMs = 0, ageMs = 0, timeoutMs = 20_000, afterMs = 0 }): Call {
  const request = {
    ...{ id: newId('exe'), org: newId('org'), agent: newId('agt') },
    ...{ user: 'usr_ada', tool: 'acme_get', arguments: {}, dryRun: false, timeoutMs },
    requestedAt: new Date(Date.now() + aheadMs).toISOString(),
  };
  return new Call(afterMs === 0 ? request : { ...request, resumed: { epoch: 2, afterMs } }, 1, ageMs);
}

describe('what a call has left', () => {
  it('is its time less what it waited on the bus', () => {
    const { msLeft } = call({ ageMs: 5_000 });
    expect(msLeft).toBeGreaterThan(14_000);
    expect(msLeft).toBeLessThanOrEqual(15_000);
    expect(() => call({ ageMs: 20_000 }).assertWanted()).toThrow(/deadline had passed/);
  });

  it.each([-5, 5])('follows from nobody’s clock: a gateway is %i minutes ahead', (minutes) => {
    const { msLeft, durationMs } = call({ aheadMs: minutes * MINUTE_MS, ageMs: 1_000 });
    expect(msLeft).toBeGreaterThan(18_000);
    expect(msLeft).toBeLessThanOrEqual(19_000);
    expect(durationMs).toBeGreaterThanOrEqual(1_000);
    expect(durationMs).toBeLessThan(2_000);
  });

  it('is never more than was given to it, and all of it where it has waited for a person', () => {
    expect(call({ ageMs: -MINUTE_MS }).msLeft).toBeLessThanOrEqual(20_000);
    const resumed = call({ ageMs: 1_000, afterMs: 60 * MINUTE_MS });
    expect(resumed.msLeft).toBeGreaterThan(18_000);
    expect(resumed.durationMs).toBeGreaterThan(60 * MINUTE_MS);
  });
});
