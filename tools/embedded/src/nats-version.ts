import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The oldest we work with: Debian 12's. */
const OLDEST = [2, 9, 10] as const;

export interface NatsBinary {
  /** Absolute path of the program. */
  binary: string;
  version: string;
}

/** The program's version, or undefined when it does not run or is no nats-server. */
export async function natsVersion(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(binary, ['--version'], { timeout: 10_000 });
    return /nats-server: v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

export function isSupported(version: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, least] of OLDEST.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

export const OLDEST_SUPPORTED = OLDEST.join('.');
