import { execFile, type ExecFileOptions } from 'node:child_process';
import { promisify } from 'node:util';
import { protectChild } from './process-guard.js';

const execute = promisify(execFile);

/** Runs a program that ends with us, however we end. */
export function run(command: string, args: string[], options: ExecFileOptions = {}): Promise<{ stdout: string; stderr: string }> {
  const running = execute(command, args, { env: process.env, ...options, encoding: 'utf8' });
  protectChild(running.child);
  return running;
}

/** The line of a failed program's output that says most, for people. */
export function whyItFailed(error: unknown): string {
  const { stderr, message, code } = error as { stderr?: string; message?: string; code?: string };
  if (code === 'ENOENT') return 'not there';
  const text = stderr?.trim() || message || String(error);
  return (text.split('\n').findLast((line) => line.trim() !== '') ?? text).slice(0, 300);
}
