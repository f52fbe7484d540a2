import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { freshSigner, writeExport } from '../audit/signed-export.js';
import { cpuMicros } from '../processes.js';
import { atMost, figure, ratioAtMost, type Figure } from '../figure.js';

const MANY = 1_000_000;
const FEW = 100_000;
const CLI = path.join(import.meta.dirname, '../../../cli/dist/main.js');
const LOOK_EVERY_MS = 20;

interface Run {
  seconds: number;
  /** Of one core. */
  cpuSeconds: number;
  /** Largest resident size of the process, in MiB. */
  peakMiB: number;
}

/** P21: `keyward audit verify` over a million events, and whether its memory depends on how many there are. */
export async function auditVerify(dir: string, progress: (line: string) => void): Promise<Figure[]> {
  await mkdir(dir, { recursive: true });
  const signer = await freshSigner();
  const keys = path.join(dir, 'keys.json');
  await writeFile(keys, JSON.stringify({ keys: [signer.publicKey] }));
  const measured = async (events: number): Promise<Run & { bytes: number }> => {
    const file = path.join(dir, `${events}.jsonl`);
    progress(`P21 writing an export of ${events} events`);
    await writeExport(file, events, signer);
    progress(`P21 verifying it`);
    return { ...(await verified(file, keys)), bytes: (await stat(file)).size };
  };
  const few = await measured(FEW);
  const many = await measured(MANY);
  return [
    figure('P21.seconds', 'an export of 1,000,000 events proven', many.seconds, 's', null, atMost(60, 's')),
    figure('P21.cpu', 'CPU time of that', many.cpuSeconds, 's', null),
    figure('P21.rate', 'read by that', many.bytes / 1_048_576 / many.seconds, 'MiB/s', null),
    figure('P21.memory', 'its memory at most, against 100,000 events', many.peakMiB, 'MiB', few.peakMiB, ratioAtMost(1.5)),
  ];
}

/** By a process of the command line, its start included. @throws Error where it finds anything but a proven export */
async function verified(file: string, keys: string): Promise<Run> {
  const began = performance.now();
  const child = spawn(process.execPath, [CLI, 'audit', 'verify', file, '--keys', keys, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  let [peakMiB, cpuSeconds] = [0, 0];
  const looking = setInterval(() => {
    peakMiB = Math.max(peakMiB, peakOf(child.pid));
    cpuSeconds = Math.max(cpuSeconds, cpuOf(child.pid));
  }, LOOK_EVERY_MS);
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  clearInterval(looking);
  const seconds = (performance.now() - began) / 1000;
  const { proof } = JSON.parse(said) as { proof?: string };
  if (code !== 0 || proof !== 'proven') throw new Error(`keyward audit verify ended with ${code}: ${said.slice(0, 300)}`);
  return { seconds, cpuSeconds, peakMiB };
}

/** proc(5), `VmHWM`: the largest so far. */
function peakOf(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function cpuOf(pid: number | undefined): number {
  try {
    return pid === undefined ? 0 : cpuMicros(pid) / 1_000_000;
  } catch {
    return 0;
  }
}
