import { describe, expect, it } from '@jest/globals';
import { roomFor } from './create-limits.js';

describe('the room for calls that wait', () => {
  it.each([
    [256, { perAgent: 32, perOrganization: 64, total: 128 }],
    [4096, { perAgent: 512, perOrganization: 1024, total: 2048 }],
    [1, { perAgent: 1, perOrganization: 1, total: 1 }],
  ])('of a process that works on %i at a time leaves half of it to those that need not wait', (concurrency, room) => {
    expect(roomFor(concurrency)).toEqual(room);
  });
});
