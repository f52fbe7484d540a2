import { expect, it } from '@jest/globals';
import { backoffMs, holdMs } from './backoff.js';

const middle = () => 0.5;

it('waits twice as long after each failure, up to five minutes, and never less than the receiver asks for', () => {
  expect([1, 2, 3, 9, 10, 1000].map((failures) => backoffMs(failures, 0, middle))).toEqual([
    1_000, 2_000, 4_000, 256_000, 300_000, 300_000,
  ]);
  expect(backoffMs(1, 60_000, middle)).toBe(60_000);
});

it('keeps apart by chance what failed together', () => {
  expect([backoffMs(1, 0, () => 0), backoffMs(1, 0, () => 1)]).toEqual([800, 1_200]);
});

it('holds an organization for longer than it waits for a destination', () => {
  expect([holdMs(1, middle), holdMs(2, middle), holdMs(50, middle)]).toEqual([32_000, 64_000, 300_000]);
});
