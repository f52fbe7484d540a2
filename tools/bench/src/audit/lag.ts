import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Bench } from '../bench.js';
import { atMost, figure, type Figure } from '../figure.js';
import { openLoop } from '../load/loops.js';
import { Samples } from '../load/samples.js';
import { brokered } from '../targets.js';

const TARGET_SECONDS = 2;
/** The first that this machine carries, with the load on it too, is the one that is told. */
const RATES = [1_000, 500, 250];
const CARRIED = 0.97;
const WARMUP_MS = 3_000;
const POLL_MS = 10;

/** How old events are when they are rows that anybody can read, to within 10 ms, while so many calls are made per second. */
export async function auditLag(bench: Bench, database: DataSource): Promise<Figure[]> {
  for (const rate of RATES) {
    bench.progress(`P7 audit lag at ${rate} executions/s`);
    const { lags, carried } = await lagsAt(bench, database, rate);
    if (!carried && rate !== RATES.at(-1)) continue;
    const name = (which: string) =>
      `age of an event when it is a row, ${which}, at ${carried ? rate : `less than ${rate}`} executions/s`;
    const seconds = (p: number) => lags.percentile(p) / 1000;
    return [
      figure('P7.lag.p50', name('p50'), seconds(50), 's', null),
      figure('P7.lag.p99', name('p99'), seconds(99), 's', null, atMost(TARGET_SECONDS, 's')),
    ];
  }
  return [];
}

async function lagsAt(
  { stack: { info }, measureMs }: Bench,
  database: DataSource,
  ratePerSecond: number,
): Promise<{ lags: Samples; carried: boolean }> {
  const through = brokered(info.gatewayUrl, info.agentKey, info.user);
  const watch = watchHead(database, info.org);
  const load = await openLoop(through.call, { ratePerSecond, warmupMs: WARMUP_MS, measureMs });
  await through.close();
  const seen = await watch.stop();
  return { lags: await lagsOf(database, info.org, seen), carried: load.errors === 0 && load.rate >= ratePerSecond * CARRIED };
}

/** Until when an organization's chain was known to be how long. */
interface Seen {
  seq: number;
  atMs: number;
}

function watchHead(database: DataSource, org: string): { stop: () => Promise<Seen[]> } {
  const seen: Seen[] = [];
  let going = true;
  const look = async (): Promise<void> => {
    const [row] = await database.query<{ seq: string }[]>('SELECT seq FROM audit.chain_head WHERE org_id = $1', [org]);
    seen.push({ seq: Number(row?.seq ?? 0), atMs: Date.now() });
  };
  const watching = (async () => {
    for (; going; await delay(POLL_MS)) await look();
    // What is still on its way is late, too.
    for (let quiet = 0; quiet < 100; await delay(POLL_MS)) {
      await look();
      quiet = seen.at(-1)?.seq === seen.at(-2)?.seq ? quiet + 1 : 0;
    }
  })();
  return {
    stop: async () => {
      going = false;
      await watching;
      return seen;
    },
  };
}

async function lagsOf(database: DataSource, org: string, seen: readonly Seen[]): Promise<Samples> {
  const events = await database.query<{ seq: string; at: Date }[]>(
    'SELECT seq, at FROM audit.event WHERE org_id = $1 AND seq > $2 ORDER BY seq',
    [org, seen[0]?.seq ?? 0],
  );
  const lags = new Samples();
  let index = 0;
  for (const { seq, at } of events) {
    while (index < seen.length && (seen[index]?.seq ?? 0) < Number(seq)) index++;
    const visible = seen[index];
    if (visible !== undefined) lags.add(visible.atMs - at.getTime());
  }
  return lags;
}
