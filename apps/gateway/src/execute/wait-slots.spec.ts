import { describe, expect, it } from '@jest/globals';
import { WaitSlots } from './wait-slots.js';

function setUp(limits: { total: number; perAgent: number }) {
  const gauge = { value: 0, inc: () => void gauge.value++, dec: () => void gauge.value-- };
  return { slots: new WaitSlots(limits, gauge), gauge };
}

const rateLimited = expect.objectContaining({ code: 'rate_limited', details: { retryAfterMs: expect.any(Number) } });

describe('waits in flight', () => {
  it('are bounded over all agents, and a released place is free again', () => {
    const { slots, gauge } = setUp({ total: 2, perAgent: 2 });
    const first = slots.take('a');
    slots.take('b');
    expect(() => slots.take('c')).toThrow(rateLimited);
    first.release();
    first.release();
    expect(gauge.value).toBe(1);
    slots.take('c');
    expect(() => slots.take('d')).toThrow(rateLimited);
  });

  it('of one agent leave room for the others', () => {
    const { slots } = setUp({ total: 10, perAgent: 1 });
    slots.take('a');
    expect(() => slots.take('a')).toThrow(rateLimited);
    slots.take('b');
  });

  it('can all be given up at once', () => {
    const { slots } = setUp({ total: 10, perAgent: 10 });
    const taken = [slots.take('a'), slots.take('b')];
    slots.abandonAll();
    expect(taken.map((slot) => slot.signal.aborted)).toEqual([true, true]);
  });
});
