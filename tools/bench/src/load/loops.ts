import { performance } from 'node:perf_hooks';
import { Samples } from './samples.js';

/** One call with an argument of its own; rejects where the answer was not the right one. */
export type Call = (sequence: number) => Promise<void>;

export interface Run {
  samples: Samples;
  /** Calls answered, those of the warm-up too. */
  answered: number;
  /** Answered calls per second, warm-up left out. */
  rate: number;
  errors: number;
  firstError?: unknown;
}

let sequence = 0;

/** `concurrency` callers, each sending its next call when its last was answered: for throughput, and for latency at c = 1. */
export async function closedLoop(
  call: Call,
  options: { concurrency: number; warmupMs: number; measureMs: number },
): Promise<Run> {
  const run: Run = { samples: new Samples(), answered: 0, rate: 0, errors: 0 };
  const start = performance.now();
  const from = start + options.warmupMs;
  const until = from + options.measureMs;
  const caller = async () => {
    for (let began = performance.now(); began < until; began = performance.now()) {
      await timed(call, run, began, began >= from);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, caller));
  run.rate = run.samples.count / (options.measureMs / 1000);
  return run;
}

/**
 * Calls begin on a schedule, whether or not earlier ones were answered, and each is timed from the moment it should have begun: a
 * stalled server can not hide its stall by slowing the caller (coordinated omission).
 */
export async function openLoop(
  call: Call,
  options: { ratePerSecond: number; warmupMs: number; measureMs: number },
): Promise<Run> {
  const run: Run = { samples: new Samples(), answered: 0, rate: 0, errors: 0 };
  const interval = 1000 / options.ratePerSecond;
  const start = performance.now();
  const from = start + options.warmupMs;
  const until = from + options.measureMs;
  const pending = new Set<Promise<void>>();
  await new Promise<void>((resolve) => {
    let next = start;
    const tick = () => {
      const now = performance.now();
      for (; next <= now && next < until; next += interval) {
        const due = next;
        const one = timed(call, run, due, due >= from).finally(() => pending.delete(one));
        pending.add(one);
      }
      if (next >= until) resolve();
      // A timer has 1 ms grain, so calls that are due within one go together; a loop that spins would be exact, and take a core from
      // those who are measured.
      else setTimeout(tick, 1);
    };
    tick();
  });
  await Promise.all(pending);
  run.rate = run.samples.count / (options.measureMs / 1000);
  return run;
}

async function timed(call: Call, run: Run, began: number, counts: boolean): Promise<void> {
  try {
    await call(++sequence);
    run.answered++;
    if (counts) run.samples.add(performance.now() - began);
  } catch (error) {
    run.errors++;
    run.firstError ??= error;
  }
}
