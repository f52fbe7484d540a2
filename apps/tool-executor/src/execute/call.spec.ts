import { describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { Call } from './call.js';

const MINUTE_MS = 60_000;

/** Asked for by a gateway whose clock is so much ahead of ours, and so long ago. */
function call({ aheadMs = 0, agoMs = 0, timeoutMs = 20_000 }): Call {
  const asked = Date.now() + aheadMs - agoMs;
  return new Call({
    ...{
      id: newId('exe'),
      org: newId('org'),
      agent: newId('agt'),
      user: 'usr_ada',
      tool: 'acme_get',
      arguments: {},
      dryRun: false,
    },
    requestedAt: new Date(asked).toISOString(),
    deadline: new Date(asked + timeoutMs).toISOString(),
  });
}

describe('what a call has left', () => {
  it('is its time less what it waited on the bus', () => {
    const { msLeft } = call({ agoMs: 5_000 });
    expect(msLeft).toBeGreaterThan(14_000);
    expect(msLeft).toBeLessThanOrEqual(15_000);
    expect(() => call({ agoMs: 20_000 }).assertWanted()).toThrow(/deadline had passed/);
  });

  it('is never more than was given to it, however far ahead the clock of the gateway is', () => {
    const { msLeft } = call({ aheadMs: 5 * MINUTE_MS });
    expect(msLeft).toBeGreaterThan(19_000);
    expect(msLeft).toBeLessThanOrEqual(20_000);
  });
});
