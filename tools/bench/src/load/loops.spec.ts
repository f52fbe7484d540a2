import { describe, expect, it } from '@jest/globals';
import { closedLoop, openLoop } from './loops.js';
import { Samples } from './samples.js';

describe('Samples', () => {
  it('gives nearest-rank percentiles, also after more was added', () => {
    const samples = new Samples();
    for (const value of [5, 1, 4, 2, 3]) samples.add(value);
    expect([0, 20, 50, 99, 100].map((p) => samples.percentile(p))).toEqual([1, 1, 3, 5, 5]);
    samples.add(0);
    expect(samples.percentile(0)).toBe(0);
  });

  it('has no percentile of nothing', () => {
    expect(new Samples().percentile(50)).toBeNaN();
  });
});

describe('loops', () => {
  const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

  it('keep no more calls under way than were asked for, each with an argument of its own', async () => {
    const seen = new Set<number>();
    let running = 0;
    let most = 0;
    const call = async (sequence: number) => {
      most = Math.max(most, ++running);
      seen.add(sequence);
      await tick();
      running--;
    };
    const run = await closedLoop(call, { concurrency: 3, warmupMs: 5, measureMs: 30 });
    expect(most).toBe(3);
    expect(seen.size).toBe(run.answered);
    expect(run.answered).toBeGreaterThanOrEqual(run.samples.count);
  });

  it('count failures instead of timing them', async () => {
    const run = await closedLoop(() => tick().then(() => Promise.reject(new Error('no'))), {
      concurrency: 1,
      warmupMs: 0,
      measureMs: 10,
    });
    expect(run.samples.count).toBe(0);
    expect(run.errors).toBeGreaterThan(0);
    expect(run.firstError).toEqual(new Error('no'));
  });

  it('keep to the schedule while answers are late, and time each call from when it was due', async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let started = 0;
    const call = () => {
      // All ten are under way before the first is answered: a closed loop would never get here.
      if (++started === 10) release?.();
      return gate;
    };
    const run = await openLoop(call, { ratePerSecond: 1000, warmupMs: 0, measureMs: 10 });
    expect(run.samples.count).toBe(10);
    expect(run.samples.percentile(100)).toBeGreaterThan(run.samples.percentile(0));
  });
});
