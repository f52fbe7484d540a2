import { describe, expect, it } from '@jest/globals';
import { Slots } from './slots.js';

describe('slots', () => {
  it('are so many in all, fewer for each, and come back once', () => {
    const slots = new Slots('exports', { all: 3, each: 2 });
    const giveBack = slots.take('a');
    slots.take('a');
    const refused = expect.objectContaining({ code: 'rate_limited', details: { retryAfterMs: 5_000 } });
    expect(() => slots.take('a')).toThrow(refused);
    const another = slots.take('b');
    expect(() => slots.take('c')).toThrow(refused);
    giveBack();
    giveBack();
    slots.take('c');
    expect(() => slots.take('c')).toThrow(refused);
    another();
    slots.take('a');
  });
});
