import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './root.js';

const run = promisify(execFile);

/**
 * Services run from their builds. Behind `npm start` the launcher has made them; a test runs this file from its source, perhaps
 * without the launcher, and must not meet services that were built from other sources.
 */
export async function ensureBuilt(tell: (message: string) => void): Promise<void> {
  if (!import.meta.url.endsWith('.ts')) return;
  try {
    const { stdout } = await run(process.execPath, [join(root, 'tools/launch/launch.mjs'), 'build']);
    for (const line of stdout.split('\n')) if (line !== '') tell(line);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`The services could not be built:\n${stdout}${stderr}`, { cause: error });
  }
}
