import { ApiError } from '@keyward/sdk';
import { printable } from './output.js';

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

/** Some of it is not our text: what a server or a file says stays text, and of a server's nothing becomes a line. */
function tell(text: string): void {
  process.stderr.write(`${text.split('\n').map(printable).join('\n')}\n`);
}

/** Tells it on standard error. @returns the exit code: 2 for what was typed, 1 for everything else */
export function fail(error: unknown): number {
  if (error instanceof Usage) {
    tell(`keyward: ${error.message}\nTry: keyward --help`);
    return 2;
  }
  if (error instanceof ApiError) {
    tell(printable(`keyward: ${error.detail ?? error.message}${error.code === '' ? '' : ` (${error.code})`}`));
    for (const { pointer, detail } of error.errors) tell(printable(`  ${pointer === '' ? '/' : pointer}: ${detail}`));
    if (error.connectUrl !== undefined) tell(printable(`  To connect: ${error.connectUrl}`));
    const next = Object.hasOwn(NEXT, error.code) ? NEXT[error.code] : undefined;
    if (next !== undefined) tell(next);
    return 1;
  }
  tell(`keyward: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Hint) tell(error.next);
  return 1;
}
