import { describe, expect, it } from '@jest/globals';
import { idSchema, newId } from './ids.js';

describe('newId', () => {
  it('is of the documented form, unique, and sorts by the millisecond of its creation', async () => {
    const ids = Array.from({ length: 5_000 }, () => newId('exe'));
    for (const id of ids) expect(idSchema('exe').safeParse(id).success).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    const times = ids.map((id) => id.slice(4, 16));
    expect(times).toEqual([...times].sort());
    expect(new Set(ids.map((id) => id[16]))).toEqual(new Set(['7']));
  });
});
