import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.js';

const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;

export interface PackageOptions {
  /** Told what is being done, one sentence a step. */
  onProgress: (step: string) => void;
  /** Gives it up. */
  signal: AbortSignal | undefined;
}

/**
 * Debian's package is fetched and unpacked, not installed: that needs no root, and starts no system service on the default port.
 * @param directory an empty one; stays with the caller
 * @returns the directory that stands for `/`
 * @throws what apt-get or dpkg-deb failed with (code ENOENT where they are not there), or Error that the package is not to be had
 */
export async function unpackDebianPackage(name: string, directory: string, options: PackageOptions): Promise<string> {
  options.onProgress(`fetching the package ${name} with apt`);
  try {
    await download(name, directory, options);
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') throw error;
    await refreshPackageLists(options);
    await download(name, directory, options);
  }
  const archive = readdirSync(directory).find((file) => file.endsWith('.deb'));
  if (archive === undefined) throw new Error(`the package ${name} is not in the configured archives`);
  const root = join(directory, 'unpacked');
  await run('dpkg-deb', ['-x', join(directory, archive), root]);
  return root;
}

/** @returns where the first of `paths` is below `root` */
export function unpackedFile(root: string, name: string, paths: readonly string[]): string {
  const found = paths.map((path) => join(root, path)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the package ${name} does not hold the program`);
  return found;
}

async function download(name: string, directory: string, { signal }: PackageOptions): Promise<void> {
  await run('apt-get', ['download', name], { cwd: directory, timeout: DOWNLOAD_TIMEOUT_MS, signal });
}

async function refreshPackageLists({ onProgress, signal }: PackageOptions): Promise<void> {
  onProgress('refreshing the package lists');
  const command = process.getuid?.() === 0 ? ['apt-get', 'update'] : ['sudo', '-n', 'apt-get', 'update'];
  await run(command[0] ?? 'apt-get', command.slice(1), { timeout: DOWNLOAD_TIMEOUT_MS, signal });
}
