import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { assertObjectKey, objectsUnavailable, type ObjectStore } from '@keyward/objects';

/** Readable by us alone: they hold what people's accounts answered. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** No id ends like this, so a file that is being written is never taken for one that is there. */
const PARTIAL = '.partial';

/** One file per object below one directory, which several processes may share. */
class FileObjectStore implements ObjectStore {
  constructor(private readonly dir: string) {}

  async put(key: string, body: Buffer): Promise<void> {
    const path = this.#path(key);
    const partial = `${path}.${randomUUID()}${PARTIAL}`;
    try {
      await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
      const file = await open(partial, 'wx', FILE_MODE);
      try {
        await file.writeFile(body);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, path);
    } catch (cause) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw objectsUnavailable(cause);
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
      for (const path of paths) await rm(path, { force: true });
    } catch (cause) {
      throw objectsUnavailable(cause);
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

function isAbsent(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}

export function createFileObjectStore(options: { dir: string }): ObjectStore {
  return new FileObjectStore(options.dir);
}
