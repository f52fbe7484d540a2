import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '@keyward/embedded';

const READY_TIMEOUT_MS = 20_000;

/** How a process was started: enough to start another like it, also when it has ended. */
export interface Likeness {
  command: string;
  args: string[];
  env: Record<string, string>;
}

export interface Replica {
  readonly pid: number;
  /** Base of `/metrics` and `/readyz`. */
  readonly opsUrl: string;
  stop(): Promise<void>;
}

/** proc(5) */
export function likenessOf(pid: number): Likeness {
  const [command = process.execPath, ...args] = parts(`/proc/${pid}/cmdline`);
  const env = Object.fromEntries(
    parts(`/proc/${pid}/environ`).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return { command, args, env };
}

/** One more process of a service, ready when this resolves. Its ops port is its own. @param changes of the environment */
export async function startReplica({ command, args, env }: Likeness, changes: Record<string, string> = {}): Promise<Replica> {
  const port = await freePort();
  const child = spawn(command, args, {
    env: { ...env, ...changes, KEYWARD_OPS_PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  const opsUrl = `http://127.0.0.1:${port}`;
  for (const until = Date.now() + READY_TIMEOUT_MS; ; await delay(100)) {
    const ready = await fetch(`${opsUrl}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return { pid: child.pid ?? 0, opsUrl, stop };
    if (Date.now() < until && child.exitCode === null) continue;
    await stop();
    throw new Error('another process of the service does not become ready');
  }
}

function parts(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\0')
    .filter((part) => part !== '');
}
