import path from 'node:path';
import { connectUser, startStack, type Stack } from '@keyward/stack';
import { startHelper } from '../child.js';
import { figure, ratioAtLeast, type Figure } from '../figure.js';
import { closedLoop } from '../load/loops.js';
import { brokered, type Target } from '../targets.js';

const CONCURRENCY = 64;
const WARMUP_MS = 2_000;
/** The two take turns, so that whatever else this machine does falls on both. */
const ROUNDS = 5;
/** Until the code of both is as fast as it gets. */
const FIRST_WARMUP_MS = 15_000;
const SAMPLE_RATIO = '0.1';
const ACCESS_TOKEN_TTL_SECONDS = 7_200;

interface Side {
  stack: Stack;
  target: Target;
  rates: number[];
  cpuSeconds: number;
  calls: number;
}

/**
 * P20: calls of P2 per second with traces of which a tenth is exported to a collector on this machine, against calls without any export.
 * Two stacks of their own, as a service reads at its start whether it exports.
 */
export async function telemetryCost(dir: string, measureMs: number, progress: (line: string) => void): Promise<Figure[]> {
  const collector = startHelper('floor/collector.js');
  const sides: Side[] = [];
  try {
    const OTEL_EXPORTER_OTLP_ENDPOINT = await collector.line();
    progress('P20 starting two stacks');
    sides.push(await start(path.join(dir, 'silent'), {}));
    sides.push(await start(path.join(dir, 'telling'), { OTEL_EXPORTER_OTLP_ENDPOINT, KEYWARD_TRACE_SAMPLE_RATIO: SAMPLE_RATIO }));
    for (const { target } of sides)
      await closedLoop(target.call, { concurrency: CONCURRENCY, warmupMs: FIRST_WARMUP_MS, measureMs: 0 });
    for (let round = 0; round < ROUNDS; round++) {
      progress(`P20 round ${round + 1} of ${ROUNDS}`);
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await measure(side, measureMs);
    }
    if (Number(await collector.line('?')) === 0) throw new Error('nothing was exported');
    const [silent, telling] = sides as [Side, Side];
    const cpuMs = ({ cpuSeconds, calls }: Side) => (cpuSeconds * 1_000) / calls;
    return [
      figure('P20.rate', 'calls with a tenth of traces exported', median(telling), '1/s', median(silent), ratioAtLeast(0.9)),
      figure('P20.cpu', 'CPU of all services for one of them', cpuMs(telling), 'ms', cpuMs(silent)),
    ];
  } finally {
    for (const { stack, target } of sides) {
      await target.close();
      await stack.stop();
    }
    await collector.stop();
  }
}

async function start(dir: string, env: Record<string, string>): Promise<Side> {
  const stack = await startStack({ dir, env, quiet: true, accessTokenTtlSeconds: ACCESS_TOKEN_TTL_SECONDS });
  await connectUser(stack);
  const { gatewayUrl, agentKey, user } = stack.info;
  return { stack, target: brokered(gatewayUrl, agentKey, user), rates: [], cpuSeconds: 0, calls: 0 };
}

async function measure(side: Side, measureMs: number): Promise<void> {
  const before = await cpuSeconds(side.stack);
  const run = await closedLoop(side.target.call, { concurrency: CONCURRENCY, warmupMs: WARMUP_MS, measureMs });
  if (run.errors > 0) throw new Error(`${run.errors} calls failed; the first: ${String(run.firstError)}`);
  side.cpuSeconds += (await cpuSeconds(side.stack)) - before;
  side.calls += run.answered;
  side.rates.push(run.rate);
}

/** Of all services together, as they tell it. */
async function cpuSeconds({ info }: Stack): Promise<number> {
  const texts = await Promise.all(Object.values(info.metrics).map(async (url) => (await fetch(url)).text()));
  return texts.reduce((sum, text) => sum + Number(/^process_cpu_seconds_total\S* (\S+)$/m.exec(text)?.[1]), 0);
}

function median({ rates }: Side): number {
  return rates.toSorted((one, other) => one - other)[Math.floor(rates.length / 2)] ?? 0;
}
