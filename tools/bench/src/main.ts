import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { connectUser, startStack, storedAccessToken } from '@keyward/stack';
import type { Bench, Measurement } from './bench.js';
import { table, type Figure } from './figure.js';
import { auditIngest } from './figures/audit-ingest.js';
import { auditVerify } from './figures/audit-verify.js';
import { addedLatency } from './figures/latency.js';
import { kmsCalls } from './figures/kms-calls.js';
import { lostAnswers } from './figures/lost-answers.js';
import { memory } from './figures/memory.js';
import { openCredential } from './figures/open-credential.js';
import { quotas } from './figures/quotas.js';
import { refreshAskers } from './figures/refresh-askers.js';
import { refreshScale } from './figures/refresh-scale.js';
import { refreshStorm } from './figures/refresh-storm.js';
import { refreshThroughput } from './figures/refresh-throughput.js';
import { revocation } from './figures/revocation.js';
import { secondStart } from './figures/second-start.js';
import { telemetryCost } from './figures/telemetry-cost.js';
import { throughput } from './figures/throughput.js';
import { probedWrites } from './figures/probed-writes.js';
import { unreliableProvider } from './figures/unreliable-provider.js';
import { parseOptions, USAGE, type Options } from './options.js';

/** Memory comes first: after a load it would no longer be the memory of an idle service. */
const ON_ONE_STACK: readonly Measurement[] = [
  memory,
  openCredential,
  kmsCalls,
  addedLatency,
  throughput,
  auditIngest,
  quotas,
  unreliableProvider,
  lostAnswers,
  probedWrites,
  revocation,
  refreshThroughput,
  refreshAskers,
  refreshStorm,
  refreshScale,
];
/** Long enough that no refresh falls into a measurement. */
const ACCESS_TOKEN_TTL_SECONDS = 7200;

const progress = (line: string) => process.stderr.write(`  ${line}\n`);

async function measure(options: Options, dir: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  if (options.only.includes('P13')) figures.push(...(await secondStart(path.join(dir, 'start'), progress)));
  if (options.only.includes('P20'))
    figures.push(...(await telemetryCost(path.join(dir, 'telemetry'), options.measureMs, progress)));
  if (options.only.includes('P21')) figures.push(...(await auditVerify(path.join(dir, 'verify'), progress)));
  const chosen = ON_ONE_STACK.filter(({ id, also }) => options.only.some((only) => only === id || only === also));
  if (chosen.length === 0) return figures;
  progress('starting a stack');
  const stack = await startStack({ dir: path.join(dir, 'stack'), quiet: true, accessTokenTtlSeconds: ACCESS_TOKEN_TTL_SECONDS });
  try {
    await connectUser(stack);
    const bench: Bench = { stack, accessToken: await storedAccessToken(stack), measureMs: options.measureMs, progress };
    for (const measurement of chosen) figures.push(...(await measurement.run(bench)));
    return figures;
  } finally {
    await stack.stop();
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const dir = await mkdtemp(path.join(os.tmpdir(), 'keyward-bench-'));
  try {
    const figures = await measure(options, dir);
    process.stdout.write(`${table(figures)}\n`);
    if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(figures, null, 2)}\n`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`The benchmark could not be finished. ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
