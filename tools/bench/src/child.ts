import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface Helper {
  readonly pid: number;
  /** Writes a line to it, if one is given, and resolves with the next line that it says. @throws Error where it ends instead */
  line(input?: string): Promise<string>;
  stop(): Promise<void>;
}

/** Runs a module of this project as a process of its own, which ends when its standard input does. */
export function startHelper(module: string, args: readonly string[] = []): Helper {
  const script = path.join(import.meta.dirname, module);
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, [script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface(child.stdout);
  return {
    pid: child.pid ?? 0,
    async line(input) {
      const next = once(lines, 'line') as Promise<[string]>;
      if (input !== undefined) child.stdin.write(`${input}\n`);
      const failed = ended.then(([code]) => {
        throw new Error(`${module} ended with ${String(code)}`);
      });
      const [line] = await Promise.race([next, failed]);
      failed.catch(() => undefined);
      return line;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
