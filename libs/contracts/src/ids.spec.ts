import { describe, expect, it } from '@jest/globals';
import { idSchema, newId } from './ids.js';

describe('newId', () => {
  it('is of the documented form, unique, and sorts in the order of creation', () => {
    const ids = Array.from({ length: 5_000 }, () => newId('exe'));
    for (const id of ids) expect(idSchema('exe').safeParse(id).success).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids.map((id) => id[16]))).toEqual(new Set(['7']));
  });

  it('has fresh random bits each time', () => {
    const tails = Array.from({ length: 1_000 }, () => newId('evt').slice(-12));
    expect(new Set(tails).size).toBe(tails.length);
  });
});
