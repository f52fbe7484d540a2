import { describe, expect, it } from '@jest/globals';
import { scheduleOf } from './schedule.js';

const schedules = Array.from({ length: 200 }, (_, seed) => scheduleOf(seed + 1));

describe('schedules', () => {
  it('follow from their seed', () => {
    expect(scheduleOf(7)).toEqual(scheduleOf(7));
    expect(scheduleOf(7)).not.toEqual(scheduleOf(8));
  });

  it('have two or three replicas and three to twelve connections, at every kind of provider', () => {
    const sizes = (of: (schedule: (typeof schedules)[number]) => number) => [...new Set(schedules.map(of))].sort((a, b) => a - b);
    expect(sizes(({ replicas }) => replicas)).toEqual([2, 3]);
    expect(sizes(({ connections }) => connections.length)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(new Set(schedules.flatMap(({ connections }) => connections.map(({ behaviour }) => behaviour))).size).toBe(4);
  });

  it('leave out nothing that can happen', () => {
    const kinds = new Set(schedules.flatMap(({ acts }) => acts.map((act) => act.do)));
    expect(kinds.size).toBe(17);
  });
});
