import { randomBytes } from 'node:crypto';

export interface StoredFile {
  name: string;
  type: string;
  content: Buffer;
}

/** Of one person. The oldest makes way. */
const MOST_FILES = 100;
const MOST_UPLOADS = 1_000;

/** Files of each person, and addresses at which one may be left. In memory: they are gone when the provider stops. */
export class Files {
  readonly #files = new Map<string, Map<string, StoredFile>>();
  readonly #uploads = new Map<string, { user: string; name: string; type: string }>();

  put(user: string, file: StoredFile): void {
    const own = this.#files.get(user) ?? new Map<string, StoredFile>();
    this.#files.set(user, own);
    own.delete(file.name);
    own.set(file.name, file);
    evict(own, MOST_FILES);
  }

  get(user: string, name: string): StoredFile | undefined {
    return this.#files.get(user)?.get(name);
  }

  /** @returns the last part of the address: whoever knows it may leave the file there, once */
  open(user: string, name: string, type: string): string {
    const id = randomBytes(24).toString('base64url');
    this.#uploads.set(id, { user, name, type });
    evict(this.#uploads, MOST_UPLOADS);
    return id;
  }

  /** Undefined where there is no such upload, or no more. */
  receive(id: string, content: Buffer): StoredFile | undefined {
    const upload = this.#uploads.get(id);
    if (upload === undefined) return undefined;
    this.#uploads.delete(id);
    const file = { name: upload.name, type: upload.type, content };
    this.put(upload.user, file);
    return file;
  }
}

function evict(map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
