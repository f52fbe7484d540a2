import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

function isUsable(directory: string): boolean {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where downloads are kept between runs and clones: KEYWARD_CACHE_DIR, else the user's cache directory, else (a home that cannot be
 * written, as in some containers) one of this user's in the temporary directory.
 */
export function cacheDir(): string {
  const chosen = process.env['KEYWARD_CACHE_DIR'];
  if (chosen !== undefined && chosen !== '') {
    if (isUsable(chosen)) return chosen;
    throw new Error(`KEYWARD_CACHE_DIR=${chosen} cannot be written. Choose a directory that can be, or unset it.`);
  }
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const candidates = [join(base, 'keyward'), join(tmpdir(), `keyward-${userInfo().uid}`)];
  const usable = candidates.find(isUsable);
  if (usable === undefined)
    throw new Error(`No cache directory can be written (tried ${candidates.join(', ')}). Set KEYWARD_CACHE_DIR.`);
  return usable;
}
