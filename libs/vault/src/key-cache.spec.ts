import { randomBytes } from 'node:crypto';
import { newId } from '@keyward/contracts';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { DataKey } from './data-key.js';
import { KeyCache } from './key-cache.js';
import { ManualClock } from './testing/manual-clock.js';

const ORG = newId('org');
const MINUTE = 60_000;

function newKey(org = ORG): DataKey {
  return new DataKey(org, newId('dek'), randomBytes(32));
}

/** A key that left the cache was disposed of: it does nothing any more. */
function isDisposed(key: DataKey): boolean {
  try {
    key.seal({ org: key.org, record: 'r', field: 'f', generation: 1 }, Buffer.from('x'));
    return false;
  } catch {
    return true;
  }
}

describe('a cached data key', () => {
  it('is there for five minutes and not a millisecond longer', () => {
    const clock = new ManualClock();
    const cache = new KeyCache(clock);
    const key = newKey();
    cache.put(key);
    clock.advance(5 * MINUTE - 1);
    expect(cache.use(ORG, key.id)).toBe(key);
    clock.advance(1);
    expect(cache.use(ORG, key.id)).toBeUndefined();
    expect(isDisposed(key)).toBe(true);
  });

  it('is not kept longer by being used, nor by a wall clock that is set back', () => {
    const clock = new ManualClock();
    const cache = new KeyCache(clock);
    const key = newKey();
    cache.put(key);
    for (let minute = 0; minute < 5; minute++) {
      expect(cache.use(ORG, key.id)).toBe(key);
      clock.advance(MINUTE);
      clock.stepWall(-MINUTE);
    }
    expect(cache.use(ORG, key.id)).toBeUndefined();
  });

  it('is there for 100,000 uses and not one more', () => {
    const cache = new KeyCache(new ManualClock());
    const key = newKey();
    cache.put(key);
    let found = 0;
    for (let use = 0; use < 100_000; use++) if (cache.use(ORG, key.id) === key) found++;
    expect(found).toBe(100_000);
    expect(isDisposed(key)).toBe(false);
    expect(cache.use(ORG, key.id)).toBeUndefined();
    expect(isDisposed(key)).toBe(true);
  });

  it('shares its 100,000 uses with the other keys of its organization, and with no other organization', () => {
    const cache = new KeyCache(new ManualClock());
    const [one, two, foreign] = [newKey(), newKey(), newKey(newId('org'))];
    for (const key of [one, two, foreign]) cache.put(key);
    for (let use = 0; use < 50_000; use++) {
      cache.use(ORG, one.id);
      cache.use(ORG, two.id);
    }
    expect(cache.use(ORG, one.id)).toBeUndefined();
    expect(cache.use(ORG, two.id)).toBeUndefined();
    expect(cache.use(foreign.org, foreign.id)).toBe(foreign);
  });

  it('is not there for another organization', () => {
    const cache = new KeyCache(new ManualClock());
    const key = newKey();
    cache.put(key);
    expect(cache.use(newId('org'), key.id)).toBeUndefined();
    expect(cache.use(ORG, key.id)).toBe(key);
  });

  it('leaves memory when its organization is dropped; others stay', () => {
    const cache = new KeyCache(new ManualClock());
    const [one, two, foreign] = [newKey(), newKey(), newKey(newId('org'))];
    for (const key of [one, two, foreign]) cache.put(key);
    cache.drop(ORG);
    expect([one, two, foreign].map(isDisposed)).toEqual([true, true, false]);
    expect(cache.has(ORG, one.id)).toBe(false);
  });

  it('makes room for a newer one at 10,000 entries, the oldest first', () => {
    const cache = new KeyCache(new ManualClock());
    const keys = Array.from({ length: 10_001 }, () => newKey(newId('org')));
    for (const key of keys) cache.put(key);
    const [first, second] = keys as [DataKey, DataKey];
    expect(cache.has(first.org, first.id)).toBe(false);
    expect(isDisposed(first)).toBe(true);
    expect(cache.has(second.org, second.id)).toBe(true);
  });
});

describe('a cached data key that nobody asks for again', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('leaves memory by a timer after five minutes, each at its own time', () => {
    jest.useFakeTimers();
    const cache = new KeyCache({ wallMs: () => Date.now(), monotonicMs: () => performance.now() });
    const [early, late] = [newKey(), newKey()];
    cache.put(early);
    jest.advanceTimersByTime(2 * MINUTE);
    cache.put(late);
    jest.advanceTimersByTime(3 * MINUTE - 1);
    expect([early, late].map(isDisposed)).toEqual([false, false]);
    jest.advanceTimersByTime(2);
    expect([early, late].map(isDisposed)).toEqual([true, false]);
    jest.advanceTimersByTime(2 * MINUTE);
    expect([early, late].map(isDisposed)).toEqual([true, true]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
