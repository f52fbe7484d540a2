import { describe, expect, it } from '@jest/globals';
import { newId, type ExecutionRequested } from '@keyward/contracts';
import { Call } from '../execute/call.js';
import { InFlight } from './in-flight.js';

const [org, agent, connection] = [newId('org'), newId('agt'), newId('conn')];

function callOf(change: Partial<ExecutionRequested> = {}): Call {
  const now = Date.now();
  const call = new Call({
    ...{ id: newId('exe'), org, agent, tool: 'acme_get', arguments: {}, user: 'usr_ada', dryRun: false },
    requestedAt: new Date(now).toISOString(),
    deadline: new Date(now + 1_000).toISOString(),
    ...change,
  });
  call.connection = connection;
  return call;
}

/** Runs the calls, sends the message, and says which of them were aborted, and why. */
async function abortedBy(message: Parameters<InFlight['revoke']>[0], ...calls: Call[]): Promise<unknown[]> {
  const inFlight = new InFlight();
  const { promise, resolve } = Promise.withResolvers<void>();
  const running = calls.map((call) => inFlight.track(call, () => promise));
  inFlight.revoke(message);
  resolve();
  await Promise.all(running);
  return calls.map((call) => (call.signal.aborted ? call.signal.reason.code : 'goes on'));
}

describe('a revocation ends', () => {
  it('the calls over that connection, in that organization', async () => {
    const other = callOf();
    other.connection = newId('conn');
    expect(await abortedBy({ kind: 'connection', org, connection }, callOf(), other)).toEqual(['revoked', 'goes on']);
    expect(await abortedBy({ kind: 'connection', org: newId('org'), connection }, callOf())).toEqual(['goes on']);
  });

  it('the calls of that agent', async () => {
    const calls = [callOf(), callOf({ agent: newId('agt') }), callOf({ org: newId('org') })];
    expect(await abortedBy({ kind: 'agent', org, agent }, ...calls)).toEqual(['forbidden', 'goes on', 'goes on']);
  });

  it('no call when it is one of an agent’s keys: the call was authenticated before', async () => {
    expect(await abortedBy({ kind: 'agent_key', org, agent, key: newId('key') }, callOf())).toEqual(['goes on']);
  });

  it('calls that have ended no more', async () => {
    const inFlight = new InFlight();
    const call = callOf();
    await expect(inFlight.track(call, () => Promise.reject(new Error('ended')))).rejects.toThrow('ended');
    inFlight.revoke({ kind: 'connection', org, connection });
    expect(call.signal.aborted).toBe(false);
    expect(inFlight.size).toBe(0);
  });

  it('also the call that is about to learn its connection', () => {
    const inFlight = new InFlight();
    expect(inFlight.isRevoked(connection)).toBe(false);
    inFlight.revoke({ kind: 'connection', org, connection });
    expect([inFlight.isRevoked(connection), inFlight.isRevoked(newId('conn'))]).toEqual([true, false]);
  });
});
