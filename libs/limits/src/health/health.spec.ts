import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Breaker, type Verdict } from './breaker.js';
import { Pauses } from './pauses.js';
import { RetryBudget } from './retry-budget.js';

beforeEach(() => void jest.useFakeTimers({ now: 0 }));
afterEach(() => void jest.useRealTimers());
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

/** Requests one after the other, as far as they are let in. */
async function send(breaker: Breaker, verdicts: readonly Verdict[]): Promise<number> {
  let sent = 0;
  for (const verdict of verdicts) {
    if (!breaker.mayEnter) break;
    breaker.enter()(verdict);
    sent++;
    await pass(0);
  }
  return sent;
}
const times = (count: number, verdict: Verdict) => Array<Verdict>(count).fill(verdict);

describe('a breaker', () => {
  it('opens when twenty failed and that is the half of them', async () => {
    const breaker = new Breaker();
    expect(await send(breaker, times(100, 'outage'))).toBe(20);
    expect(breaker.state).toBe(2);
    expect(breaker.openForMs).toBe(5_000);
  });

  it('stays closed for a provider that fails a fifth of the time, for refusals, and for what was not sent', async () => {
    const breaker = new Breaker();
    const unreliable = Array.from({ length: 1_000 }, (_, index): Verdict => (index % 5 === 0 ? 'outage' : 'answered'));
    expect(await send(breaker, [...unreliable, ...times(500, 'unused')])).toBe(1_500);
    expect(breaker.state).toBe(0);
  });

  it('forgets failures that are ten seconds old', async () => {
    const breaker = new Breaker();
    await send(breaker, times(19, 'outage'));
    await pass(11_000);
    expect(await send(breaker, times(19, 'outage'))).toBe(19);
    expect(breaker.state).toBe(0);
  });

  it('lets one try after a while, and all once that one was answered', async () => {
    const breaker = new Breaker();
    await send(breaker, times(20, 'outage'));
    await pass(5_000);
    expect(breaker.state).toBe(1);
    const settle = breaker.enter();
    expect(breaker.mayEnter).toBe(false);
    settle('answered');
    await pass(0);
    expect(breaker.state).toBe(0);
    expect(await send(breaker, times(19, 'outage'))).toBe(19);
  });

  it('goes on sparing the server where the one that tried fails, and tries again at once where it was not sent', async () => {
    const breaker = new Breaker();
    await send(breaker, times(20, 'outage'));
    await pass(5_000);
    await send(breaker, ['unused']);
    expect(breaker.mayEnter).toBe(true);
    await send(breaker, ['outage']);
    expect(breaker.mayEnter).toBe(false);
    expect(breaker.openForMs).toBe(5_000);
  });

  it('learns nothing from what was sent before it opened', async () => {
    const breaker = new Breaker();
    const slow = Array.from({ length: 5 }, () => breaker.enter());
    await send(breaker, times(20, 'outage'));
    await pass(3_000);
    for (const settle of slow) settle('outage');
    await pass(0);
    expect(breaker.openForMs).toBe(2_000);
  });
});

describe('a retry budget', () => {
  it('lets a provider that always fails have two fifths more requests, and ten', () => {
    const budget = new RetryBudget();
    let retries = 0;
    for (let request = 0; request < 1_000; request++) {
      budget.first();
      while (budget.tryRetry()) retries++;
    }
    expect(retries).toBe(410);
  });

  it('has room for every retry of a provider that fails a fifth of the time', () => {
    const budget = new RetryBudget();
    for (let request = 0; request < 1_000; request++) {
      budget.first();
      if (request % 4 === 0) expect(budget.tryRetry()).toBe(true);
    }
  });

  it('begins anew as time goes by', async () => {
    const budget = new RetryBudget();
    while (budget.tryRetry());
    await pass(11_000);
    expect(budget.idle).toBe(true);
    expect(budget.tryRetry()).toBe(true);
  });
});

describe('pauses', () => {
  it('are as long as the longest that was asked for, and over then', async () => {
    const pauses = new Pauses();
    expect([pauses.leftMs('a'), pauses.note('a', 1_000), pauses.note('a', 500)]).toEqual([0, true, false]);
    expect(pauses.leftMs('a')).toBe(1_000);
    expect(pauses.leftMs('b')).toBe(0);
    await pass(1_001);
    expect(pauses.leftMs('a')).toBe(0);
  });

  it('are told of again only where they grow by more than a little', async () => {
    const pauses = new Pauses();
    pauses.note('a', 10_000);
    await pass(500);
    expect(pauses.note('a', 10_000)).toBe(false);
    expect(pauses.leftMs('a')).toBe(10_000);
    await pass(1_000);
    expect(pauses.note('a', 10_000)).toBe(true);
  });

  it.each([Number.NaN, -5, 0])('of %p ms are none', (ms) => {
    const pauses = new Pauses();
    expect(pauses.note('a', ms)).toBe(false);
    expect(pauses.leftMs('a')).toBe(0);
  });

  it('are no longer than a day, and no more than ten thousand', () => {
    const pauses = new Pauses();
    pauses.note('a', Number.POSITIVE_INFINITY);
    expect(pauses.leftMs('a')).toBe(86_400_000);
    for (let key = 0; key < 10_001; key++) pauses.note(String(key), 1_000);
    expect(pauses.leftMs('a')).toBe(0);
    expect(pauses.leftMs('10000')).toBe(1_000);
  });
});
