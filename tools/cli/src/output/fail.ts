import { ApiError } from '@keyward/sdk';

/** What the caller typed can't be right. */
export class Usage extends Error {}

/** What went wrong, with what to do next. */
export class Hint extends Error {
  constructor(
    message: string,
    readonly next: string,
  ) {
    super(message);
  }
}

const NEXT: Record<string, string> = {
  unauthenticated: 'Sign in: keyward login',
  forbidden: 'Ask an owner of the organization for a higher role: keyward members',
  rate_limited: 'Wait a moment, then try again.',
};

/** Tells it on standard error. @returns the exit code: 2 for what was typed, 1 for everything else */
export function fail(error: unknown): number {
  if (error instanceof Usage) {
    process.stderr.write(`keyward: ${error.message}\nTry: keyward --help\n`);
    return 2;
  }
  if (error instanceof ApiError) {
    process.stderr.write(`keyward: ${error.detail ?? error.message}${error.code === '' ? '' : ` (${error.code})`}\n`);
    for (const { pointer, detail } of error.errors) process.stderr.write(`  ${pointer === '' ? '/' : pointer}: ${detail}\n`);
    if (error.connectUrl !== undefined) process.stderr.write(`  To connect: ${error.connectUrl}\n`);
    const next = NEXT[error.code];
    if (next !== undefined) process.stderr.write(`${next}\n`);
    return 1;
  }
  process.stderr.write(`keyward: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof Hint) process.stderr.write(`${error.next}\n`);
  return 1;
}
