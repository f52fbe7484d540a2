import { describe, expect, it } from '@jest/globals';
import type { Tool } from '@keyward/connectors';
import { newId, type ExecutionRequested } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { Call } from '../execute/call.js';
import { InFlight } from './in-flight.js';
import { Revocations } from './revocations.js';

const [org, agent, connection] = [newId('org'), newId('agt'), newId('conn')];

function callOf(change: Partial<ExecutionRequested> = {}): Call {
  const call = new Call({
    ...{ id: newId('exe'), org, agent, tool: 'acme_get', arguments: {}, user: 'usr_ada', dryRun: false },
    requestedAt: new Date().toISOString(),
    timeoutMs: 1_000,
    ...change,
  });
  const tool = { name: 'acme_get', provider: { name: 'acme' } } as Tool;
  call.resolved({ tool, isUnified: false, argumentsOf: async () => ({}) });
  call.connection = { id: connection, kind: 'agent' };
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
    other.connection = { id: newId('conn'), kind: 'agent' };
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
    expect(inFlight.isRevoked(callOf())).toBe(false);
    inFlight.revoke({ kind: 'connection', org, connection });
    const other = callOf();
    other.connection = { id: newId('conn'), kind: 'agent' };
    expect([inFlight.isRevoked(callOf()), inFlight.isRevoked(other)]).toEqual([true, false]);
  });

  it.each<[string, object, Record<'own' | 'colleague' | 'workspace' | 'foreign', string>]>([
    ['everything', {}, { own: 'revoked', colleague: 'revoked', workspace: 'revoked', foreign: 'goes on' }],
    ['a user’s', { user: 'usr_ada' }, { own: 'revoked', colleague: 'goes on', workspace: 'goes on', foreign: 'goes on' }],
    ['an agent’s', { agent }, { own: 'revoked', colleague: 'revoked', workspace: 'revoked', foreign: 'goes on' }],
    [
      'a user’s, of an agent',
      { user: 'usr_ada', agent },
      { own: 'revoked', colleague: 'goes on', workspace: 'goes on', foreign: 'goes on' },
    ],
    ['a provider’s', { provider: 'acme' }, { own: 'revoked', colleague: 'revoked', workspace: 'revoked', foreign: 'goes on' }],
    ['another provider’s', { provider: 'x' }, { own: 'goes on', colleague: 'goes on', workspace: 'goes on', foreign: 'goes on' }],
    [
      'a user’s of another agent',
      { user: 'usr_ada', agent: newId('agt') },
      { own: 'goes on', colleague: 'goes on', workspace: 'goes on', foreign: 'goes on' },
    ],
  ])('many connections at once: %s', async (_what, filter, expected) => {
    const workspace = callOf();
    workspace.connection = { id: connection, kind: 'workspace' };
    const calls = { own: callOf(), colleague: callOf({ user: 'usr_bob' }), workspace, foreign: callOf({ org: newId('org') }) };
    const outcomes = await abortedBy({ kind: 'connections', org, ...filter }, ...Object.values(calls));
    expect(Object.fromEntries(Object.keys(calls).map((name, index) => [name, outcomes[index]]))).toEqual(expected);
  });

  it('the calls of an agent that may use a connection of the workspace no more, and none that it makes over its own', async () => {
    const workspace = (change: Partial<ExecutionRequested> = {}) => {
      const call = callOf(change);
      call.connection = { id: connection, kind: 'workspace' };
      return call;
    };
    const own = callOf();
    own.connection = { id: newId('conn'), kind: 'agent' };
    const calls = [workspace(), workspace({ user: 'usr_bob' }), workspace({ agent: newId('agt') }), own];
    expect(await abortedBy({ kind: 'grantee', org, agent, connection }, ...calls)).toEqual([
      ...['revoked', 'revoked', 'goes on', 'goes on'],
    ]);
  });

  it('every call of an organization whose keys were destroyed, also one that has no connection yet', async () => {
    const without = callOf();
    without.connection = null;
    expect(await abortedBy({ kind: 'organization', org }, callOf(), without, callOf({ org: newId('org') }))).toEqual([
      'revoked',
      'revoked',
      'goes on',
    ]);
  });

  it('of many at once also the call that has read its connection a moment before, but not one over a connection made since', async () => {
    const inFlight = new InFlight();
    const calls = [callOf(), callOf({ user: 'usr_bob' }), callOf({ org: newId('org') }), callOf()];
    inFlight.revoke({ kind: 'connections', org, user: 'usr_ada' });
    const heardAt = Date.now();
    await waitFor(() => Date.now() > heardAt);
    (calls[3] as Call).connection = { id: newId('conn'), kind: 'agent' };
    expect(calls.map((call) => inFlight.isRevoked(call))).toEqual([true, false, false, false]);
  });

  it('no call that begins afterwards: it reads what was committed, also where the agent is let in again', () => {
    const inFlight = new InFlight();
    const before = callOf();
    inFlight.revoke({ kind: 'grantee', org, agent, connection });
    inFlight.revoke({ kind: 'connections', org, agent });
    expect([before, callOf()].map((call) => inFlight.isRevoked(call))).toEqual([true, false]);
  });
});

describe('what is remembered of a disconnection', () => {
  it('is forgotten once no read can still be under way', () => {
    const call = callOf();
    let now = performance.now();
    const revocations = new Revocations(() => now);
    revocations.remember({ kind: 'connections', org });
    expect(revocations.covers(call)).toBe(true);
    now += 61_000;
    expect(revocations.covers(call)).toBe(false);
  });
});
