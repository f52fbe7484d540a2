import { describe, expect, it } from '@jest/globals';
import { endsOf, fitting, missingOf } from './batch.js';
import type { Next } from './positions.js';

const next = (org: string, seq: number, wanted = true, size = 10): Next => ({
  record: { event: { org, reason: 'x'.repeat(size) } as never, seq, prevHash: '', hash: '' },
  wanted,
});

describe('a batch', () => {
  it('is cut where the body would be too long, and holds one record at least', () => {
    const all = [next('a', 1, true, 900), next('a', 2, true, 900), next('b', 1, true, 900)];
    expect(fitting(all, 2200)).toEqual(all.slice(0, 2));
    expect(fitting(all, 10)).toEqual(all.slice(0, 1));
    expect(fitting(all, 10_000)).toEqual(all);
  });

  it('is not cut for records that are not sent', () => {
    const all = [next('a', 1, false, 900), next('a', 2, false, 900), next('a', 3, true, 100)];
    expect(fitting(all, 400)).toEqual(all);
  });

  it('moves each organization to its last record in it, and those alone', () => {
    const due = [
      { org: 'a', seq: 4, head: 9 },
      { org: 'b', seq: 0, head: 2 },
    ];
    const all = [next('a', 5), next('a', 6, false), next('b', 1)];
    expect(endsOf(due, all, all.slice(0, 2))).toEqual(new Map([['a', 6]]));
    expect(missingOf(due, all, endsOf(due, all, all))).toEqual([]);
  });

  it('passes over what is gone from the trail, and says what that is', () => {
    const due = [
      { org: 'a', seq: 4, head: 9 },
      { org: 'b', seq: 2, head: 7 },
      { org: 'c', seq: 0, head: 1 },
    ];
    const all = [next('a', 8), next('a', 9), next('c', 1)];
    const ends = endsOf(due, all, all);
    expect(ends).toEqual(
      new Map([
        ['a', 9],
        ['b', 7],
        ['c', 1],
      ]),
    );
    expect(missingOf(due, all, ends)).toEqual([
      { org: 'a', from: 5, to: 7 },
      { org: 'b', from: 3, to: 7 },
    ]);
  });

  it('that is cut does not take what comes later for gone', () => {
    const due = [{ org: 'a', seq: 0, head: 3 }];
    const all = [next('a', 1), next('a', 2), next('a', 3)];
    const ends = endsOf(due, all, all.slice(0, 1));
    expect(ends).toEqual(new Map([['a', 1]]));
    expect(missingOf(due, all, ends)).toEqual([]);
  });
});
