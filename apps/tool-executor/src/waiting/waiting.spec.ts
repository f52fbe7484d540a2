import { describe, expect, it } from '@jest/globals';
import type { Tool } from '@keyward/connectors';
import { KeywardError, newId, type ErrorCode, type ExecutionRequested } from '@keyward/contracts';
import { Call } from '../execute/call.js';
import type { NewWaiting, Standing } from './waiting-rows.js';
import { Waiting } from './waiting.js';

const UNTIL = new Date('2026-11-21T00:00:00.000Z');

/** What the database would say, and what it was told. */
class Rows {
  readonly parked: NewWaiting[] = [];
  readonly removed: unknown[][] = [];
  answer: Date | 'full' | 'gone' | KeywardError = UNTIL;
  standing: Standing | undefined;
  isMine = true;
  found = 0;

  async park(row: NewWaiting): Promise<Date | 'full' | 'gone'> {
    this.parked.push(row);
    if (this.answer instanceof KeywardError) throw this.answer;
    return this.answer;
  }
  async find(): Promise<Standing | undefined> {
    this.found++;
    return this.standing;
  }
  async run(): Promise<boolean> {
    return this.isMine;
  }
  async remove(...of: unknown[]): Promise<void> {
    this.removed.push(of);
  }
}

function callOf(change: Partial<ExecutionRequested> = {}, effect: Tool['effect'] = 'write', deliveries = 1): Call {
  const request = {
    ...{ id: newId('exe'), org: newId('org'), agent: newId('agt'), tool: 'acme_create', arguments: {}, user: 'usr_ada' },
    ...{ dryRun: false, requestedAt: new Date().toISOString(), timeoutMs: 1_000, waitForMs: 60_000, ...change },
  };
  const call = new Call(request, deliveries);
  const tool = { name: 'acme_create', effect, provider: { name: 'acme' } } as Tool;
  call.resolved({ tool, isUnified: false, argumentsOf: async () => ({}) });
  return call;
}

const failure = (code: ErrorCode) => ({ error: new KeywardError(code, 'No.', { details: { connectUrl: 'https://c.example' } }) });
const standing = (change: Partial<Standing>): Standing => ({
  ...{
    state: 'waiting',
    epoch: 1,
    reason: 'missing_scopes',
    detail: 'No.',
    connectUrl: null,
    expiresAt: UNTIL,
    isFresh: true,
    ...change,
  },
});

describe('what becomes of a failure', () => {
  it.each(['connection_required', 'missing_scopes', 'needs_reauthorization'] as const)('%s waits, if asked to', async (code) => {
    const rows = new Rows();
    const call = callOf();
    const waitingFor = { reason: code, detail: 'No.', connectUrl: 'https://c.example', expiresAt: UNTIL.toISOString() };
    expect(await new Waiting(rows).insteadOf(call, failure(code))).toMatchObject({
      waits: { id: call.request.id, state: 'waiting_for_authorization', waitingFor },
    });
    expect(rows.parked).toMatchObject([{ id: call.request.id, provider: 'acme', reason: code, epoch: 1, waitMs: 60_000 }]);
    const { waitForMs: _none, ...impatient } = callOf().request;
    const outcome = failure(code);
    expect(await new Waiting(rows).insteadOf(new Call(impatient), outcome)).toBe(outcome);
    expect(rows.parked).toHaveLength(1);
  });

  it.each<[string, ErrorCode, (call: Call) => void]>([
    ['a person can not help', 'revoked', () => undefined],
    ['it is the provider’s', 'provider_error', () => undefined],
    ['it may have been carried out', 'needs_reauthorization', (call) => (call.uncertain = true)],
    ['a step is done', 'needs_reauthorization', (call) => (call.completedSteps = ['first'])],
    ['the provider has answered', 'missing_scopes', (call) => (call.settled = true)],
  ])('it stays where %s', async (_what, code, happened) => {
    const rows = new Rows();
    const call = callOf();
    happened(call);
    const outcome = failure(code);
    expect(await new Waiting(rows).insteadOf(call, outcome)).toBe(outcome);
    expect(rows.parked).toEqual([]);
  });

  it('reads wait whatever was read before', async () => {
    const call = callOf({}, 'read');
    call.settled = true;
    expect(await new Waiting(new Rows()).insteadOf(call, failure('missing_scopes'))).toHaveProperty('waits');
  });

  it('says why it can not wait, with the link', async () => {
    const rows = new Rows();
    rows.answer = 'full';
    const refused = { error: { code: 'rate_limited', details: { connectUrl: 'https://c.example' } } };
    expect(await new Waiting(rows).insteadOf(callOf(), failure('missing_scopes'))).toMatchObject(refused);
    const large = callOf({ arguments: { text: 'x'.repeat(262_144) } });
    const tooLarge = { error: { code: 'request_too_large' } };
    expect(await new Waiting(rows).insteadOf(large, failure('missing_scopes'))).toMatchObject(tooLarge);
    expect(rows.parked).toHaveLength(1);
  });

  it('comes again where the database is away and nothing has begun; what has begun fails as it would', async () => {
    const rows = new Rows();
    rows.answer = new KeywardError('dependency_unavailable', 'Away.');
    await expect(new Waiting(rows).insteadOf(callOf(), failure('missing_scopes'))).rejects.toBe(rows.answer);
    const begun = callOf();
    begun.epoch = 1;
    const outcome = failure('missing_scopes');
    expect(await new Waiting(rows).insteadOf(begun, outcome)).toBe(outcome);
  });
});

describe('a message is worked on', () => {
  const resumed = { epoch: 2, afterMs: 1 };

  it('without a look at the database where there can be nothing yet', async () => {
    const rows = new Rows();
    const { waitForMs: _none, ...impatient } = callOf().request;
    expect(await new Waiting(rows).takeUp(callOf())).toBe('go');
    expect(await new Waiting(rows).takeUp(new Call(impatient, 5))).toBe('go');
    expect(rows.found).toBe(0);
  });

  it.each<[string, Call, Standing | undefined, boolean, 'go' | 'gone']>([
    ['when it is the one that takes it up', callOf({ resumed }), standing({ epoch: 2, state: 'resumed' }), true, 'go'],
    ['when it comes again', callOf({ resumed }, 'write', 2), standing({ epoch: 2, state: 'running' }), true, 'go'],
    ['when there is no trace of it any more', callOf({ resumed }), undefined, true, 'go'],
    [
      'when whoever had it is long gone',
      callOf({ resumed }),
      standing({ epoch: 2, state: 'running', isFresh: false }),
      true,
      'go',
    ],
    ['not when it is a copy', callOf({ resumed }), standing({ epoch: 2, state: 'running' }), true, 'gone'],
    ['not when a later one has it', callOf({ resumed }), standing({ epoch: 3, state: 'resumed' }), true, 'gone'],
    ['not when it was the first and a later one has it', callOf({}, 'write', 2), standing({ epoch: 2 }), true, 'gone'],
    ['not when it was cancelled meanwhile', callOf({ resumed }), standing({ epoch: 2, state: 'cancelled' }), false, 'gone'],
  ])('%s', async (_when, call, found, isMine, expected) => {
    const rows = new Rows();
    Object.assign(rows, { standing: found, isMine });
    expect(await new Waiting(rows).takeUp(call)).toBe(expected);
  });

  it('by saying again that it waits, where it does', async () => {
    const rows = new Rows();
    rows.standing = standing({});
    const again = {
      state: 'waiting_for_authorization',
      waitingFor: { reason: 'missing_scopes', expiresAt: UNTIL.toISOString() },
    };
    expect(await new Waiting(rows).takeUp(callOf({}, 'write', 2))).toMatchObject(again);
  });

  it('and leaves no row behind where it had waited', async () => {
    const rows = new Rows();
    const call = callOf({ resumed });
    await new Waiting(rows).leave(call);
    await new Waiting(rows).leave(callOf());
    expect(rows.removed).toEqual([[call.request.org, call.request.id, 2]]);
  });
});
