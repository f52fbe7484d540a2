import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { eachOf } from './each-of.js';

describe('eachOf', () => {
  it('works on each item once, and on no more at a time than it may', async () => {
    const [seen, atWork] = [[] as number[], { now: 0, most: 0 }];
    await eachOf([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      atWork.most = Math.max(atWork.most, ++atWork.now);
      await nextTurn();
      atWork.now--;
      seen.push(item);
    });
    expect(seen.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(atWork.most).toBe(3);
  });

  it('begins nothing more once something has failed, and waits for what is at work', async () => {
    const [begun, ended] = [[] as number[], [] as number[]];
    const work = eachOf([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new Error('one');
      await nextTurn();
      ended.push(item);
    });
    await expect(work).rejects.toThrow('one');
    expect([begun, ended]).toEqual([[1, 2], [2]]);
  });
});
