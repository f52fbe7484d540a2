import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { protectChild } from '@keyward/embedded';
import type { Running } from './supervised.js';

export interface ChildOptions {
  script: string;
  /** Before the script, for Node itself. */
  nodeFlags?: string[];
  env: Record<string, string>;
  logFile: string;
  /** How long it may take to stop before it is killed. */
  stopTimeoutMs: number;
}

/** What a program needs of the surroundings, and nothing else: no setting of the person's shell may change what a service does. */
const INHERITED = /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|NODE_EXTRA_CA_CERTS|NODE_V8_COVERAGE|OTEL_\w+)$/;

function inherited(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => INHERITED.test(name))) as Record<string, string>;
}

/** Runs a Node program as our child, in a process group of its own, so that Ctrl-C reaches us alone and we stop things in order. */
export function runChild({ script, nodeFlags = [], env, logFile, stopTimeoutMs }: ChildOptions): Promise<Running> {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [...nodeFlags, script], {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...inherited(), ...env },
  });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    child.once('error', (error) => resolve(error.message));
  });
  protectChild(child);
  return Promise.resolve({
    pid: child.pid ?? 0,
    ended,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await ended;
      clearTimeout(timer);
    },
  });
}
