import { describe, expect, it } from '@jest/globals';
import { WaitSlots } from './wait-slots.js';

function setUp(limits: { total: number; perAgent: number }) {
  const gauge = { value: 0, inc: () => void gauge.value++, dec: () => void gauge.value-- };
  return { slots: new WaitSlots(limits, gauge), gauge };
}

const ignore = () => undefined;
const rateLimited = expect.objectContaining({ code: 'rate_limited', details: { retryAfterMs: expect.any(Number) } });

describe('waits in flight', () => {
  it('are bounded over all agents, and a released place is free again', () => {
    const { slots, gauge } = setUp({ total: 2, perAgent: 2 });
    const first = slots.take('a', ignore);
    slots.take('b', ignore);
    expect(() => slots.take('c', ignore)).toThrow(rateLimited);
    first.release();
    first.release();
    expect(gauge.value).toBe(1);
    slots.take('c', ignore);
    expect(() => slots.take('d', ignore)).toThrow(rateLimited);
  });

  it('of one agent leave room for the others', () => {
    const { slots } = setUp({ total: 10, perAgent: 1 });
    slots.take('a', ignore);
    expect(() => slots.take('a', ignore)).toThrow(rateLimited);
    slots.take('b', ignore);
  });

  it('can all be given up at once, each once', () => {
    const { slots, gauge } = setUp({ total: 10, perAgent: 10 });
    const given: string[] = [];
    const answered = slots.take('a', () => given.push('answered'));
    const left = slots.take('a', () => given.push('left'));
    slots.take('b', () => given.push('drained'));
    answered.release();
    left.abandon();
    slots.abandonAll();
    left.abandon();
    answered.abandon();
    expect(given).toEqual(['left', 'drained']);
    expect(gauge.value).toBe(0);
  });
});
