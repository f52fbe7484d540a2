import { describe, expect, it } from '@jest/globals';
import { roomFor } from './create-limits.js';

describe('the room for calls that wait', () => {
  it.each([
    [256, { perAgent: 128, perOrganization: 160, total: 192 }],
    [4096, { perAgent: 2048, perOrganization: 2560, total: 3072 }],
    [1, { perAgent: 1, perOrganization: 1, total: 1 }],
  ])('of a process that works on %i at a time leaves a quarter of it to those that need not wait', (concurrency, room) => {
    expect(roomFor(concurrency)).toEqual(room);
  });
});
