import { describe, expect, it } from '@jest/globals';
import type { Reading } from './reading.js';
import { verdictsOf } from './verdict.js';

const readings = (change: (minute: number) => Partial<Reading>): Reading[] =>
  Array.from({ length: 30 }, (_, minute) => ({
    ...{ minute, rate: 200, errors: 0, p50Ms: 3, p99Ms: 12, residentMb: { gateway: 150 }, openFiles: { gateway: 60 } },
    ...change(minute),
  }));
const growing = (change: (minute: number) => Partial<Reading>) =>
  verdictsOf(readings(change))
    .filter(({ flat }) => !flat)
    .map(({ name }) => name);

describe('a soak', () => {
  it('is flat where everything stays, or breathes', () => {
    expect(growing(() => ({}))).toEqual([]);
    expect(growing((minute) => ({ residentMb: { gateway: 150 + (minute % 5) * 8 } }))).toEqual([]);
  });

  it.each<[string, (minute: number) => Partial<Reading>]>([
    ['resident memory, gateway', (minute) => ({ residentMb: { gateway: 150 + minute * 0.5 } })],
    ['open files, gateway', (minute) => ({ openFiles: { gateway: 60 + Math.floor(minute / 4) } })],
    ['p99 of a call', (minute) => ({ p99Ms: minute < 15 ? 12 : 20 })],
  ])('tells what grows: %s', (name, change) => {
    expect(growing(change)).toEqual([name]);
  });
});
