import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Bench, Measurement } from '../bench.js';
import { figure, ratioAtLeast, type Figure } from '../figure.js';
import { closedLoop } from '../load/loops.js';
import { brokered, proxied, upstream } from '../targets.js';

const CONCURRENCY = 64;
const WARMUP_MS = 4000;

/** P2: brokered calls per second against a bare proxy in front of the same upstream, everything on this machine. */
export const throughput: Measurement = { id: 'P2', run };

async function run(bench: Bench): Promise<Figure[]> {
  const { info } = bench.stack;
  const timing = { concurrency: CONCURRENCY, warmupMs: WARMUP_MS, measureMs: bench.measureMs };
  const proxy = spawn(
    process.execPath,
    [path.join(import.meta.dirname, '../floor/proxy.js'), info.sandbox.url, upstream.path, bench.accessToken],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    const [url] = (await once(createInterface(proxy.stdout), 'line')) as [string];
    const bare = proxied(url);
    const through = brokered(info.gatewayUrl, info.agentKey, info.user);
    bench.progress(`P2 bare proxy, c = ${CONCURRENCY}`);
    const floor = await closedLoop(bare.call, timing);
    bench.progress(`P2 brokered, c = ${CONCURRENCY}`);
    const broker = await closedLoop(through.call, timing);
    await Promise.all([bare.close(), through.close()]);
    for (const { errors, firstError } of [floor, broker]) {
      if (errors > 0) throw new Error(`${errors} calls failed; the first: ${String(firstError)}`);
    }
    return [figure('P2.c64.rate', 'brokered calls, c = 64', broker.rate, '1/s', floor.rate, ratioAtLeast(0.12))];
  } finally {
    proxy.stdin.end();
  }
}
