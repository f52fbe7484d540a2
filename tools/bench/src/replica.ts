import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '@keyward/embedded';

const READY_TIMEOUT_MS = 20_000;

export interface Replica {
  stop(): Promise<void>;
}

/** One more process of a service, with the very command and environment of the one that runs (proc(5)); only its ops port is its own. */
export async function startReplica(pid: number): Promise<Replica> {
  const [command = process.execPath, ...args] = parts(`/proc/${pid}/cmdline`);
  const env = Object.fromEntries(
    parts(`/proc/${pid}/environ`).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const port = await freePort();
  const child = spawn(command, args, { env: { ...env, KEYWARD_OPS_PORT: String(port) }, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  for (const until = Date.now() + READY_TIMEOUT_MS; ; await delay(100)) {
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return { stop };
    if (Date.now() < until && child.exitCode === null) continue;
    await stop();
    throw new Error('the second process of the service does not become ready');
  }
}

function parts(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\0')
    .filter((part) => part !== '');
}
