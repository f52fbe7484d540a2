import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.js';

export interface Go {
  command: string;
  /** As Go says it: `go1.26.8`. */
  version: string;
}

/** The Go on PATH, else one at its usual places; undefined where there is none. */
export async function findGo(): Promise<Go | undefined> {
  for (const command of ['go', '/usr/local/go/bin/go', '/usr/lib/go/bin/go', join(homedir(), 'go/bin/go')]) {
    const { code, stdout } = await run(command, ['env', 'GOVERSION']);
    if (code === 0) return { command, version: stdout.trim() };
  }
  return undefined;
}
