import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectUser, startCluster } from '@keyward/stack';
import { assembleEarlier, assembleImage } from './images.js';
import { Load } from './load.js';
import { parseOptions, USAGE, type ClusterRunOptions } from './options.js';
import { calm, crashEach, rollBus, rollServices, type Crash, type Step } from './rollout.js';
import { verdictOf, type Verdict } from './verdict.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const tell = (line: string): void => void process.stderr.write(`  ${line}\n`);

async function run(options: ClusterRunOptions, dir: string, signal: AbortSignal): Promise<boolean> {
  const image = path.join(dir, 'image');
  tell('assembling the image');
  assembleImage(root, image);
  const first = options.from === undefined ? image : earlier(options.from, dir);
  const cluster = await startCluster({ ...{ dir: path.join(dir, 'cluster'), image: first }, tell, signal });
  try {
    await connectUser(cluster);
    const marker = `cluster-${Date.now()}`;
    const load = new Load(cluster.info, options.ratePerSecond, marker);
    load.start();
    const steps: Step[] = [];
    await calm(load, 'before');
    if (first !== image) {
      load.phase = 'migration';
      await cluster.migrate(image);
    }
    tell('replacing every service');
    steps.push(...(await rollServices(cluster, load, image, signal)));
    tell('replacing every nats-server');
    steps.push(...(await rollBus(cluster, load)));
    tell('killing one process of every kind');
    const crashes = await crashEach(cluster, load, signal);
    await calm(load, 'after');
    await load.stop();
    const verdict = await verdictOf(cluster, load.calls, marker);
    process.stdout.write(`${report(steps, crashes, verdict, load)}\n`);
    if (options.json !== undefined) {
      const file = path.resolve(process.env['INIT_CWD'] ?? process.cwd(), options.json);
      await writeFile(file, `${JSON.stringify({ options, steps, crashes, verdict }, null, 2)}\n`);
    }
    return isFlawless(verdict);
  } finally {
    await cluster.stop();
  }
}

function earlier(ref: string, dir: string): string {
  tell(`building ${ref}; this takes a minute or two`);
  const out = path.join(dir, 'image-before');
  const commit = assembleEarlier(root, ref, path.join(dir, 'worktree'), out);
  tell(`built ${commit}`);
  return out;
}

function isFlawless({ failed, lost, doubled, unaudited, chain }: Verdict): boolean {
  return failed + lost + doubled + unaudited === 0 && chain.startsWith('whole');
}

function report(steps: readonly Step[], crashes: readonly Crash[], verdict: Verdict, load: Load): string {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(6);
  const { calls, failed, lost, doubled, unaudited, chain, phases } = verdict;
  const reasons = new Set(load.calls.flatMap(({ error }) => (error === undefined ? [] : [error])));
  return [
    'replaced              drained s   ready s',
    ...steps.map(({ name, drainedMs, readyMs }) => `${name.padEnd(20)}     ${seconds(drainedMs)}    ${seconds(readyMs)}`),
    '',
    'killed               away for s',
    ...crashes.map(({ name, awayMs }) => `${name.padEnd(20)}     ${seconds(awayMs)}`),
    '',
    'while                    calls  failed  repeated   p50 ms   p99 ms',
    ...phases.map(({ name, calls: own, failed: bad, repeated, p50Ms, p99Ms }) =>
      [
        name.padEnd(22),
        ...[own, bad, repeated].map((n) => String(n).padStart(8)),
        p50Ms.toFixed(1).padStart(8),
        p99Ms.toFixed(1).padStart(9),
      ].join(''),
    ),
    '',
    `${calls} calls: ${failed} failed${failed > 0 ? ` (${[...reasons].join('; ')})` : ''}, ${lost} lost, ${doubled} doubled, ${unaudited} not in the audit trail once; chain ${chain}`,
    isFlawless(verdict) ? 'Nothing lost, nothing doubled.' : 'NOT what it should be.',
  ].join('\n');
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) return void process.stdout.write(`${USAGE}\n`);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort(new Error('stopped')));
  const dir = await mkdtemp(path.join(os.tmpdir(), 'keyward-cluster-'));
  try {
    if (!(await run(options, dir, stopping.signal))) process.exitCode = 1;
  } finally {
    if (options.keep) tell(`kept: ${dir}`);
    else await rm(dir, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`The cluster could not be tried. ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
