import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Bulkhead, type Place } from './bulkhead.js';
import { TooLate } from './waiting-line.js';

beforeEach(() => void jest.useFakeTimers({ now: 0 }));
afterEach(() => void jest.useRealTimers());

const never = new AbortController().signal;
const turn = (ms = 1_000, signal = never) => ({ until: performance.now() + ms, signal });
const who = (org: string) => ({ org, agent: `agent of ${org}` });

function full(places: number): { bulkhead: Bulkhead; taken: Place[] } {
  const bulkhead = new Bulkhead(places);
  const taken = Array.from({ length: places }, () => bulkhead.tryEnter()).filter((place) => place !== undefined);
  expect(taken).toHaveLength(places);
  return { bulkhead, taken };
}

describe('a bulkhead', () => {
  it('has so many places and not one more, and one again when one leaves, however often it does', () => {
    const { bulkhead, taken } = full(2);
    expect(bulkhead.tryEnter()).toBeUndefined();
    taken[0]?.leave();
    taken[0]?.leave();
    expect(bulkhead.tryEnter()).toBeDefined();
    expect(bulkhead.tryEnter()).toBeUndefined();
    expect(bulkhead.idle).toBe(false);
  });

  it('gives a place to the other organization’s first, past the thousand of one', async () => {
    const { bulkhead, taken } = full(1);
    const served: string[] = [];
    const wait = async (org: string) => {
      const place = await bulkhead.wait(who(org), turn());
      served.push(org);
      place.leave();
    };
    const waits = [...Array.from({ length: 1_000 }, () => wait('busy')), wait('quiet')];
    taken[0]?.leave();
    await Promise.all(waits);
    expect(served.indexOf('quiet')).toBe(1);
    expect(bulkhead.idle).toBe(true);
  });

  it('lets nobody past those who wait', async () => {
    const { bulkhead, taken } = full(1);
    const waiting = bulkhead.wait(who('a'), turn());
    taken[0]?.leave();
    expect(bulkhead.tryEnter()).toBeUndefined();
    (await waiting).leave();
    expect(bulkhead.tryEnter()).toBeDefined();
  });

  it('keeps nobody longer than he can wait, or wants to, and no place for those who left', async () => {
    const { bulkhead, taken } = full(1);
    const controller = new AbortController();
    const late = expect(bulkhead.wait(who('a'), turn(100))).rejects.toBeInstanceOf(TooLate);
    const gone = expect(bulkhead.wait(who('b'), turn(1_000, controller.signal))).rejects.toThrow('cancelled');
    controller.abort(new Error('cancelled'));
    await jest.advanceTimersByTimeAsync(101);
    await Promise.all([late, gone]);
    taken[0]?.leave();
    expect(bulkhead.tryEnter()).toBeDefined();
  });
});
