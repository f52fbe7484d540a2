import { describe, expect, it } from '@jest/globals';
import { Calendar } from './calendar.js';
import { EventQueue } from './event-queue.js';
import { Histogram } from './histogram.js';
import { MEASURED, type Scenario } from './model.js';
import { Random } from './random.js';
import { Simulation } from './simulation.js';
import { Station } from './station.js';

const MINUTE_MS = 60_000;
const ORDINARY: Scenario = {
  ...{ name: 'test', tokens: 20_000, lifetimeMs: 10 * MINUTE_MS, margin: 0.2, jitter: 0.25, providers: 10, sizes: 'zipf' },
  ...{ obtained: 'spread', untilMs: 20 * MINUTE_MS, seed: 1 },
};
const run = (changes: Partial<Scenario> = {}, model: Partial<typeof MEASURED> = {}) =>
  new Simulation({ ...MEASURED, replicas: 2, ...model }, { ...ORDINARY, ...changes }).run();

describe('parts of the simulation', () => {
  it('events come in order of time, also when many were added', () => {
    const random = new Random(7);
    const queue = new EventQueue();
    for (let job = 0; job < 3000; job++) queue.push(random.next(), 0, job);
    const times = Array.from({ length: 3000 }, () => queue.pop().time);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(queue.size).toBe(0);
  });

  it('a station serves in order of arrival, as many at a time as it has servers, slower where it works for others as well', () => {
    const station = new Station(2);
    expect([station.serve(0, 10), station.serve(0, 10), station.serve(1, 5), station.serve(100, 5)]).toEqual([10, 10, 15, 105]);
    expect(new Station(1, 0.5).serve(0, 10)).toBe(20);
  });

  it('a calendar gives the tokens of a provider when they are due, the earliest slot first', () => {
    const calendar = new Calendar(4, 2, 100, 10_000);
    for (const [token, dueAt] of [950, 120, 20_000].entries()) calendar.put(token, 0, dueAt);
    calendar.put(3, 1, 0);
    expect([calendar.nextDue(0, 199), calendar.nextDue(0, 200), calendar.take(0)]).toEqual([Infinity, 200, 1]);
    expect([calendar.nextDue(0, 5000), calendar.take(0), calendar.nextDue(0, 9999)]).toEqual([1000, 0, Infinity]);
    expect([calendar.nextDue(1, 0), calendar.take(1), calendar.nextDue(1, 9999)]).toEqual([0, 3, Infinity]);
  });

  it('a histogram tells percentiles within a hundredth', () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1000; ms++) histogram.add(ms);
    expect(histogram.percentile(50)).toBeGreaterThanOrEqual(500);
    expect(histogram.percentile(50)).toBeLessThan(506);
    expect([histogram.percentile(100), histogram.min]).toEqual([1000, 1]);
  });

  it('what is log-normal has the median and the 99th percentile that were asked for', () => {
    const random = new Random(3);
    const values = Array.from({ length: 50_000 }, () => random.logNormal(150, 1000)).sort((a, b) => a - b);
    expect((values[25_000] ?? 0) / 150).toBeCloseTo(1, 1);
    expect((values[49_500] ?? 0) / 1000).toBeCloseTo(1, 1);
  });
});

describe('Simulation', () => {
  it('gives the same for the same seed, and something else for another', () => {
    expect(run()).toEqual(run());
    expect(run({ seed: 2 })).not.toEqual(run());
  });

  it('refreshes each token once per life while there is room, long before it ends', () => {
    const result = run();
    // Due when 80 % of a life less half the jitter (2.5 %) is over.
    const perSecond = ORDINARY.tokens / ((ORDINARY.lifetimeMs * 0.775) / 1000);
    expect(result.perSecond / perSecond).toBeCloseTo(1, 1);
    expect(result.expired).toBe(0);
    expect(result.late.p99).toBeLessThan(2 * MEASURED.pollMs);
  });

  it('works off a backlog as fast as its slots allow', () => {
    const storm = { firstEndsMs: 30_000, spreadMs: 60_000, marginMs: 90_000 };
    const [few, many] = [16, 32].map((slots) =>
      run({ storm, untilMs: 5 * MINUTE_MS }, { slots, endpoint: { medianMs: 300, p99Ms: 310 } }),
    );
    expect((few?.storedAt.max ?? 0) / (many?.storedAt.max ?? 0)).toBeCloseTo(2, 0);
  });

  it('keeps to the rate of a provider, and leaves the others alone while it is down', () => {
    const limited = run({ limitPerSecond: 5, untilMs: 5 * MINUTE_MS });
    expect(limited.expired).toBe(0);
    expect(limited.expiredInTrouble).toBeGreaterThan(0);
    const out = run({ outage: { fromMs: MINUTE_MS, untilMs: 15 * MINUTE_MS } });
    expect(out.expired).toBe(0);
    expect(out.late.p99).toBeLessThan(2 * MEASURED.pollMs);
    expect(out.failed).toBeGreaterThan(0);
    expect(out.expiredInTrouble).toBeGreaterThan(0);
  });
});
