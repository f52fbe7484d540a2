import { Readable } from 'node:stream';
import { assertObjectKey, objectLocked, type ObjectStore, type PutOptions } from '../object-store.js';

/** For tests of what uses a store. */
export class MemoryObjectStore implements ObjectStore {
  readonly objects = new Map<string, { body: Buffer; contentType: string; retainUntil?: Date }>();

  async put(key: string, body: Buffer, contentType: string, { retainUntil }: PutOptions = {}): Promise<void> {
    assertObjectKey(key);
    if (this.#isLocked(key)) {
      if (retainUntil !== undefined && this.objects.get(key)?.body.equals(body) === true) return;
      throw objectLocked();
    }
    this.objects.set(key, { body: Buffer.from(body), contentType, ...(retainUntil === undefined ? {} : { retainUntil }) });
  }

  async get(key: string): Promise<Readable | undefined> {
    assertObjectKey(key);
    const found = this.objects.get(key);
    return found === undefined ? undefined : Readable.from([found.body]);
  }

  async remove(keys: readonly string[]): Promise<void> {
    keys.forEach(assertObjectKey);
    if (keys.some((key) => this.#isLocked(key))) throw objectLocked();
    for (const key of keys) this.objects.delete(key);
  }

  #isLocked(key: string): boolean {
    return (this.objects.get(key)?.retainUntil?.getTime() ?? 0) > Date.now();
  }

  async health(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}
