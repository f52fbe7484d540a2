import { accessSync, constants } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const modules = join(root, 'node_modules');
/** The Node that the lock file pins; npm links it here. */
export const pinnedNode = join(modules, '.bin', 'node');

export function isWritable(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A path in the temporary directory that other users of the machine do not share. */
export function temporary(name) {
  return join(tmpdir(), `keyward-${userInfo().uid}-${name}`);
}

/** A failure with advice: it is told as it is, without a stack. */
export class Failure extends Error {}
