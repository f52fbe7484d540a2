import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { connectUser, startStack, type Stack } from '@keyward/stack';
import { openLoop } from './load/loops.js';
import { parseSoakOptions, USAGE, type SoakOptions } from './soak/options.js';
import { readingOf, type Reading } from './soak/reading.js';
import { report, verdictsOf } from './soak/verdict.js';
import { soaked, type Target } from './targets.js';

const WARMUP_MS = 120_000;

const progress = (line: string): void => void process.stderr.write(`  ${line}\n`);

async function soak(stack: Stack, target: Target, options: SoakOptions): Promise<Reading[]> {
  const { ratePerSecond, minutes, everySeconds } = options;
  const { pids, metrics } = stack.info;
  const services = Object.fromEntries(Object.entries(pids).filter(([name]) => name in metrics));
  progress(`warming up for ${WARMUP_MS / 60_000} minutes`);
  const warm = await openLoop(target.call, { ratePerSecond, warmupMs: 0, measureMs: WARMUP_MS });
  if (warm.answered === 0) throw new Error(`no call succeeds: ${String(warm.firstError)}`);
  const readings: Reading[] = [];
  const began = performance.now();
  const minute = () => (performance.now() - began) / 60_000;
  while (minute() < minutes) {
    const run = await openLoop(target.call, { ratePerSecond, warmupMs: 0, measureMs: everySeconds * 1000 });
    const reading = readingOf(minute(), run, services);
    readings.push(reading);
    const memory = Object.values(reading.residentMb).reduce((sum, each) => sum + each, 0);
    const { rate, p50Ms, p99Ms, errors } = reading;
    progress(
      `minute ${reading.minute.toFixed(1)}: ${rate.toFixed(0)}/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, ` +
        `${errors} failed, ${memory.toFixed(0)} MB together${errors > 0 ? ` (${String(run.firstError)})` : ''}`,
    );
  }
  return readings;
}

async function main(): Promise<void> {
  const options = parseSoakOptions(process.argv.slice(2));
  if (options === undefined) return void process.stdout.write(`${USAGE}\n`);
  const dir = await mkdtemp(path.join(os.tmpdir(), 'keyward-soak-'));
  try {
    progress('starting a stack');
    const stack = await startStack({ dir, quiet: true });
    const { gatewayUrl, agentKey, user } = stack.info;
    const target = soaked(gatewayUrl, agentKey, user);
    try {
      await connectUser(stack);
      const readings = await soak(stack, target, options);
      const verdicts = verdictsOf(readings);
      process.stdout.write(`${report(readings, verdicts)}\n`);
      if (options.json !== undefined) {
        const file = path.resolve(process.env['INIT_CWD'] ?? process.cwd(), options.json);
        await writeFile(file, `${JSON.stringify({ options, readings, verdicts }, null, 2)}\n`);
      }
      if (readings.some(({ errors }) => errors > 0) || verdicts.some(({ flat }) => !flat)) process.exitCode = 1;
    } finally {
      await target.close();
      await stack.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`The soak could not be finished. ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
