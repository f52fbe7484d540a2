import { performance } from 'node:perf_hooks';
import { atMost, figure, type Figure } from '../figure.js';
import { runUntilReady } from '../npm-start.js';

/** P13: from `npm start` to the readiness block, on data that an earlier start has made. */
export async function secondStart(dir: string, progress: (line: string) => void): Promise<Figure[]> {
  progress('P13 first start');
  const first = await timed(dir);
  progress('P13 second start');
  const second = await timed(dir);
  return [
    figure('P13.first', 'npm start to ready, first time', first, 's', null),
    figure('P13.second', 'npm start to ready, second time', second, 's', null, atMost(10, 's')),
  ];
}

async function timed(dir: string): Promise<number> {
  const began = performance.now();
  const running = await runUntilReady(dir);
  const seconds = (performance.now() - began) / 1000;
  await running.stop();
  return seconds;
}
