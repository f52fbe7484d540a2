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
  const p99 = Math.max(...uses.map((use) => use.p99 ?? 0));
  return [
    figure(`P9.${name}.over`, `requests over ${quota}, in the worst window`, over, '', null, exactly(0)),
    figure(
      `P9.${name}.used`,
      `of ${quota} used by ${REPLICAS} replicas`,
      usedShare(moments, terms) * 100,
      '%',
      null,
      atLeast(95, '%'),
    ),
    ...(p99 > 0 ? [figure(`P9.${name}.p99`, 'a unit that was leased ahead, p99', p99, 'ms', null)] : []),
  ];
}

/**
 * How long as many requests took as the limit allows in a window, against the window. From the first of one window to the first of another:
 * where all are used at once at a window's begin, the time up to the last one would flatter.
 */
function usedShare(moments: readonly number[], { limit, windowMs }: QuotaTerms): number {
  const windows = Math.floor((moments.length - 1) / limit);
  const [first = 0, last = 0] = [moments[0], moments[windows * limit]];
  return windows === 0 ? 0 : (windows * windowMs) / (last - first);
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
