import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { KeywardError } from '@keyward/contracts';
import { assertObjectKey, objectLocked, objectsUnavailable, type ObjectStore, type PutOptions } from '@keyward/objects';

/** Readable by us alone: they hold what people's accounts answered. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Of what is retained. Until when is the time of its last modification, which lies in the future: both come with the file in one step. */
const RETAINED_MODE = 0o400;
/** No id ends like this, so a file that is being written is never taken for one that is there. */
const PARTIAL = '.partial';

/** One file per object below one directory, which several processes may share. */
class FileObjectStore implements ObjectStore {
  constructor(private readonly dir: string) {}

  async put(key: string, body: Buffer, _contentType: string, { retainUntil }: PutOptions = {}): Promise<void> {
    const path = this.#path(key);
    const partial = `${path}.${randomUUID()}${PARTIAL}`;
    try {
      await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
      await write(partial, body, retainUntil);
      if (!(await isRetained(path))) await rename(partial, path);
      else if (retainUntil === undefined || !(await readFile(path)).equals(body)) throw objectLocked();
    } catch (cause) {
      throw cause instanceof KeywardError ? cause : objectsUnavailable(cause);
    } finally {
      await rm(partial, { force: true }).catch(() => undefined);
    }
  }

  async get(key: string): Promise<Readable | undefined> {
    const path = this.#path(key);
    try {
      const file = await open(path, 'r');
      if ((await file.stat()).isFile()) return createReadStream('', { fd: file });
      await file.close();
      return undefined;
    } catch (cause) {
      if (isAbsent(cause)) return undefined;
      throw objectsUnavailable(cause);
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    const paths = keys.map((key) => this.#path(key));
    try {
      for (const path of paths) {
        if (await isRetained(path)) throw objectLocked();
        await rm(path, { force: true });
      }
    } catch (cause) {
      throw cause instanceof KeywardError ? cause : objectsUnavailable(cause);
    }
  }

  async health(): Promise<void> {
    try {
      await mkdir(this.dir, { recursive: true, mode: DIRECTORY_MODE });
      await access(this.dir, constants.W_OK);
    } catch (cause) {
      throw objectsUnavailable(cause);
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #path(key: string): string {
    assertObjectKey(key);
    return join(this.dir, ...key.split('/'));
  }
}

/** On the disk before it is shown, whole and with its mode and time. */
async function write(path: string, body: Buffer, retainUntil: Date | undefined): Promise<void> {
  const file = await open(path, 'wx', retainUntil === undefined ? FILE_MODE : RETAINED_MODE);
  try {
    await file.writeFile(body);
    if (retainUntil !== undefined) await file.utimes(retainUntil, retainUntil);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function isRetained(path: string): Promise<boolean> {
  try {
    const { mode, mtimeMs } = await stat(path);
    return (mode & 0o777) === RETAINED_MODE && mtimeMs > Date.now();
  } catch (cause) {
    if (isAbsent(cause)) return false;
    throw cause;
  }
}

function isAbsent(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}

export function createFileObjectStore(options: { dir: string }): ObjectStore {
  return new FileObjectStore(options.dir);
}
