import type { Figure } from '../figure.js';
import { benchmarkMachine, valueOf } from './costs.js';
import { Simulation } from './simulation.js';

/** As in figures/refresh-storm.ts. */
const STORM = { firstEndsMs: 30_000, spreadMs: 60_000, marginMs: 90_000 };
const TOKENS = 10_000;
const CALLS_PER_SECOND = 100;
/** CPU of all processes for one brokered call, the provider's and the caller's own included. */
const CALL_MS = 1;

/** Seconds from the first refresh of the storm. */
export interface Compared {
  what: string;
  simulated: number;
  measured: number;
}

/** P5 as simulated from what P4 and P16 cost, beside P5 as it was. */
export function validate(figures: readonly Figure[], cores: number, seed: number): Compared[] {
  const model = {
    ...benchmarkMachine(figures, cores),
    elsewhere: valueOf(figures, 'P5.foreign') / 100 + (CALLS_PER_SECOND * CALL_MS) / 1000 / cores,
  };
  const { storedAt } = new Simulation(model, {
    ...{ name: 'P5', tokens: TOKENS, seed, storm: STORM, untilMs: 600_000 },
    ...{ lifetimeMs: 7_200_000, margin: 0.2, jitter: 0.25, providers: 1, sizes: 'even', obtained: 'spread' },
  }).run();
  const start = valueOf(figures, 'P5.start');
  const measured = (id: string) => valueOf(figures, `P5.late.${id}`) - start;
  return [
    { what: 'half of the tokens', simulated: storedAt.p50 / 1000, measured: measured('p50') },
    { what: 'all but 1 %', simulated: storedAt.p99 / 1000, measured: measured('p99') },
    { what: 'all tokens', simulated: storedAt.max / 1000, measured: measured('max') },
  ];
}
