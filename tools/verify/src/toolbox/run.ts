import { spawn } from 'node:child_process';
import { protectChild } from '@keyward/embedded';

export interface RunOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  input?: string;
  /** Called with each line of the standard error output as it comes. */
  onErrorLine?: (line: string) => void;
}

export interface RunResult {
  /** 127 when there is no such program. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program that ends with us, however we end. A failure is a result, not an exception: the caller knows what it means. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    protectChild(child);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr.push(chunk);
      if (options.onErrorLine !== undefined) chunk.toString().split('\n').filter(Boolean).forEach(options.onErrorLine);
    });
    const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('utf8');
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ code: error.code === 'ENOENT' ? 127 : 126, stdout: text(stdout), stderr: error.message }),
    );
    child.once('close', (code, signal) =>
      resolve({ code: code ?? (signal === null ? 1 : 128), stdout: text(stdout), stderr: text(stderr) }),
    );
    // A program that ends before it has read everything is judged by its exit code.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** What a failed program said, for people: the end of its standard error output, else of its standard output. */
export function lastWords({ stdout, stderr }: RunResult, lines = 12): string {
  const text = stderr.trim() === '' ? stdout : stderr;
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
