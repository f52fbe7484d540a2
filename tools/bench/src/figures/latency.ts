import type { Bench, Measurement } from '../bench.js';
import { atMost, figure, type Figure } from '../figure.js';
import { closedLoop, openLoop, type Run } from '../load/loops.js';
import { cpuMicros } from '../processes.js';
import { brokered, direct, type Target } from '../targets.js';

const CONCURRENCIES = [1, 8, 32, 64];
const WARMUP_MS = 3000;
/** Before the first measurement: a few hundred calls at c = 1 would leave most of the code unoptimised. */
const FIRST_WARMUP = { concurrency: 32, warmupMs: 0, measureMs: 8000 };

/** P1: what a brokered call adds to the same upstream called directly. */
export const addedLatency: Measurement = { id: 'P1', run };

async function run(bench: Bench): Promise<Figure[]> {
  const { info } = bench.stack;
  const straight = direct(info.sandbox.url, bench.accessToken);
  const through = brokered(info.gatewayUrl, info.agentKey, info.user);
  try {
    const figures: Figure[] = [];
    let capacity = 0;
    bench.progress('P1 warm-up');
    for (const target of [straight, through]) checked(await closedLoop(target.call, FIRST_WARMUP));
    for (const concurrency of CONCURRENCIES) {
      bench.progress(`P1 closed loop, c = ${concurrency}`);
      const floor = await measure(bench, straight, concurrency);
      const cpuBefore = totalCpu(bench);
      const broker = await measure(bench, through, concurrency);
      const cpu = (totalCpu(bench) - cpuBefore) / broker.answered;
      capacity = Math.max(capacity, broker.rate);
      figures.push(...closedFigures(concurrency, floor, broker, cpu));
    }
    for (const share of [0.5, 0.8]) figures.push(...(await open(bench, straight, through, capacity, share)));
    return figures;
  } finally {
    await Promise.all([straight.close(), through.close()]);
  }
}

function closedFigures(c: number, floor: Run, broker: Run, cpu: number): Figure[] {
  const added = (p: number) => broker.samples.percentile(p) - floor.samples.percentile(p);
  const direct = (p: number) => floor.samples.percentile(p);
  return [
    figure(`P1.c${c}.p50`, `added latency, c = ${c}, p50`, added(50), 'ms', direct(50), c === 1 ? atMost(1, 'ms') : undefined),
    figure(`P1.c${c}.p99`, `added latency, c = ${c}, p99`, added(99), 'ms', direct(99)),
    figure(`P1.c${c}.p999`, `added latency, c = ${c}, p99.9`, added(99.9), 'ms', direct(99.9)),
    figure(`P1.c${c}.rate`, `brokered calls, c = ${c}`, broker.rate, '1/s', floor.rate),
    figure(`P1.c${c}.cpu`, `CPU of all processes per call, c = ${c}`, cpu, 'µs', null, c === 64 ? atMost(550, 'µs') : undefined),
  ];
}

async function open(bench: Bench, straight: Target, through: Target, capacity: number, share: number): Promise<Figure[]> {
  const percent = share * 100;
  const ratePerSecond = capacity * share;
  bench.progress(`P1 open loop at ${percent} % of capacity (${Math.round(ratePerSecond)}/s)`);
  const timing = { ratePerSecond, warmupMs: WARMUP_MS, measureMs: bench.measureMs };
  const floor = checked(await openLoop(straight.call, timing));
  const broker = checked(await openLoop(through.call, timing));
  const row = (p: number, id: string) =>
    figure(
      `P1.open${percent}.${id}`,
      `added latency, open loop at ${percent} %, p${p}`,
      broker.samples.percentile(p) - floor.samples.percentile(p),
      'ms',
      floor.samples.percentile(p),
      share === 0.5 && p === 99 ? atMost(10, 'ms') : undefined,
    );
  return [row(50, 'p50'), row(99, 'p99'), row(99.9, 'p999')];
}

async function measure(bench: Bench, target: Target, concurrency: number): Promise<Run> {
  return checked(await closedLoop(target.call, { concurrency, warmupMs: WARMUP_MS, measureMs: bench.measureMs }));
}

function checked(run: Run): Run {
  if (run.errors > 0) throw new Error(`${run.errors} calls failed; the first: ${String(run.firstError)}`);
  return run;
}

/** Services, PostgreSQL and nats-server; not the sandbox, which is the upstream, and not this process, which is the load. */
function totalCpu(bench: Bench): number {
  return bench.stack.brokerPids().reduce((sum, pid) => sum + cpuMicros(pid), 0);
}
