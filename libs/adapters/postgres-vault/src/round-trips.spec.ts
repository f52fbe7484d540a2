import { describe, expect, it } from '@jest/globals';
import { RoundTrips } from './round-trips.js';

describe('RoundTrips', () => {
  it('sends what is asked in one turn together, and gives each its own answer', async () => {
    const batches: number[][] = [];
    const trips = new RoundTrips<number, number>(async (questions) => {
      batches.push([...questions]);
      return questions.map((question) => question * 10);
    });
    expect(await Promise.all([1, 2, 3].map((question) => trips.answer(question)))).toEqual([10, 20, 30]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  it('has no more than two under way, gathers the rest meanwhile, and bounds each', async () => {
    const open: { questions: readonly number[]; answer: () => void }[] = [];
    const trips = new RoundTrips<number, number>(
      (questions) => new Promise((resolve) => open.push({ questions, answer: () => resolve(questions) })),
    );
    const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const first = trips.answer(0);
    await turn();
    const second = trips.answer(1);
    await turn();
    const rest = Array.from({ length: 100 }, (_, index) => trips.answer(index + 2));
    await turn();
    expect(open.map(({ questions }) => questions.length)).toEqual([1, 1]);
    open[0]?.answer();
    await first;
    await turn();
    expect(open.map(({ questions }) => questions.length)).toEqual([1, 1, 64]);
    open[1]?.answer();
    await second;
    await turn();
    open[2]?.answer();
    open[3]?.answer();
    expect(await Promise.all(rest)).toEqual(Array.from({ length: 100 }, (_, index) => index + 2));
  });

  it('fails all who shared a round trip that failed, and nobody after it', async () => {
    let fails = true;
    const trips = new RoundTrips<number, number>(async (questions) => {
      if (fails) throw new Error('away');
      return questions;
    });
    const both = await Promise.allSettled([trips.answer(1), trips.answer(2)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    expect(await trips.answer(3)).toBe(3);
  });

  it('refuses answers that cannot be told apart', async () => {
    const trips = new RoundTrips<number, number>(async () => [1]);
    const both = await Promise.allSettled([trips.answer(1), trips.answer(2)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
