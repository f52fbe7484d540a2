import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@keyward/testing';

const HOOKS = new URL('source-hooks.mjs', import.meta.url).href;
const FIXTURE = fileURLToPath(new URL('fixture-service.mjs', import.meta.url));
export const TOKEN = 'canary-token-of-24-characters';

export interface Line {
  message?: string;
  [key: string]: unknown;
}

/** Starting a process takes a second or two, on a busy machine many more. */
const PATIENCE_MS = 60_000;

/** A service in a process of its own, as it runs in production. */
export class Fixture {
  private readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  exit: { code: number | null; signal: string | null } | undefined;

  constructor(mode: string, env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, ['--conditions=@keyward/source', '--import', HOOKS, FIXTURE, mode], {
      env: { PATH: process.env['PATH'], KEYWARD_OPS_PORT: '0', KEYWARD_HTTP_PORT: '0', KEYWARD_ADMIN_TOKEN: TOKEN, ...env },
    });
    this.child.stdout?.on('data', (chunk) => (this.stdout += chunk));
    this.child.stderr?.on('data', (chunk) => (this.stderr += chunk));
    this.child.on('exit', (code, signal) => (this.exit = { code, signal }));
  }

  get lines(): Line[] {
    return this.stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []));
  }

  line(message: string): Promise<Line> {
    return waitFor(() => this.lines.find((line) => line.message === message), {
      timeoutMs: PATIENCE_MS,
      what: `the line "${message}" in ${this.stdout}${this.stderr}`,
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  ended(): Promise<{ code: number | null; signal: string | null }> {
    return waitFor(() => this.exit, { timeoutMs: PATIENCE_MS, what: 'the end of the process' });
  }
}
