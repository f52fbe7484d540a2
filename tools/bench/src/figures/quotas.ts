import type { QuotaTerms } from '@keyward/limits';
import { mostInAnyWindow } from '@keyward/limits/most-in-any-window';
import type { Bench, Measurement } from '../bench.js';
import { startHelper } from '../child.js';
import { atLeast, exactly, figure, type Figure } from '../figure.js';
import type { QuotaOrder, QuotaUse } from '../limits/quota-replica.js';

const REPLICAS = 3;
const LOOPS = 16;
/** A quota that is leased ahead, one whose window is long, and one so small that every unit is asked for. */
const QUOTAS: readonly [name: string, terms: QuotaTerms][] = [
  ['hot', { limit: 2_000, windowMs: 1_000 }],
  ['long', { limit: 600, windowMs: 4_000 }],
  ['small', { limit: 30, windowMs: 1_000 }],
];
const WINDOWS_AT_LEAST = 4;

/** P9: three processes that want more of a quota than there is: none over the limit in any window, and nearly all of it used. */
export const quotas: Measurement = { id: 'P9', run };

async function run(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, terms] of QUOTAS) figures.push(...(await measure(bench, name, terms)));
  return figures;
}

async function measure(bench: Bench, name: string, terms: QuotaTerms): Promise<Figure[]> {
  const { limit, windowMs } = terms;
  const quota = `${limit} in ${windowMs / 1000} s`;
  bench.progress(`P9 ${REPLICAS} replicas × ${LOOPS} loops on ${quota}`);
  const measureMs = Math.max(bench.measureMs, WINDOWS_AT_LEAST * windowMs);
  const uses = await useUp({
    databaseUrl: bench.stack.info.databaseUrl,
    key: `bench ${name} ${Date.now()}`,
    terms,
    loops: LOOPS,
    measureMs,
  });
  const moments = uses.flatMap((use) => use.moments).sort((a, b) => a - b);
  const over = Math.max(0, mostInAnyWindow(moments, windowMs) - limit);
  // The first window is had whole by everyone who comes after a rest; what counts is what can be had always.
  const from = (moments[0] ?? 0) + windowMs;
  const [steady, spanMs] = [moments.filter((at) => at >= from).length, (moments.at(-1) ?? 0) - from];
  const share = (steady / ((limit * spanMs) / windowMs)) * 100;
  return [
    figure(`P9.${name}.over`, `requests over ${quota}, in the worst window`, over, '', null, exactly(0)),
    figure(`P9.${name}.used`, `of ${quota} used by ${REPLICAS} replicas`, share, '%', null, atLeast(95, '%')),
    figure(`P9.${name}.p99`, 'a unit that was leased ahead, p99', Math.max(...uses.map(({ p99 }) => p99 || 0)), 'ms', null),
  ];
}

async function useUp(order: QuotaOrder): Promise<QuotaUse[]> {
  const replicas = Array.from({ length: REPLICAS }, () => startHelper('limits/quota-replica.js'));
  try {
    const lines = await Promise.all(replicas.map((replica) => replica.line(JSON.stringify(order))));
    return lines.map((line) => JSON.parse(line) as QuotaUse);
  } finally {
    await Promise.all(replicas.map((replica) => replica.stop()));
  }
}
