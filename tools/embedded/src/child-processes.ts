import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const POLL_MS = 5;
const GONE_WITHIN_MS = 10_000;

interface Process {
  pid: number;
  parent: number;
  /** A zombie does nothing any more; who inherits it may never collect it. */
  isDead: boolean;
}

/** Ids of the processes that this one has started. */
export async function childrenOf(pid: number): Promise<number[]> {
  return (await processes()).filter(({ parent, isDead }) => parent === pid && !isDead).map((each) => each.pid);
}

/** Kills them, and resolves when none of them does anything any more. */
export async function killAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It was faster.
    }
  }
  const until = performance.now() + GONE_WITHIN_MS;
  while (performance.now() < until) {
    const alive = (await processes()).filter(({ pid, isDead }) => pids.includes(pid) && !isDead);
    if (alive.length === 0) return;
    await delay(POLL_MS);
  }
  throw new Error(`processes ${pids.join(', ')} could not be killed`);
}

async function processes(): Promise<Process[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,stat='], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, stat] = line.trim().split(/\s+/);
    return stat === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), isDead: stat.startsWith('Z') }];
  });
}
