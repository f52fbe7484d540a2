import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Measurement } from '../bench.js';
import { atMost, figure, type Figure } from '../figure.js';
import { residentMb } from '../processes.js';

/** Idle means that nothing is asked: the garbage of the start is collected meanwhile. */
const IDLE_MS = 20_000;

/** P12: resident memory of each service once the stack is ready and nothing is asked of it. Taken before any load. */
export const memory: Measurement = { id: 'P12', run };

async function run(bench: Bench): Promise<Figure[]> {
  bench.progress(`P12 memory after ${IDLE_MS / 1000} idle seconds`);
  await delay(IDLE_MS);
  return Object.entries(bench.stack.info.pids)
    .filter(([name]) => name in bench.stack.info.metrics)
    .map(([name, pid]) =>
      figure(`P12.${name}.idle`, `resident memory, ${name}, idle`, residentMb(pid), 'MB', null, atMost(150, 'MB')),
    );
}
