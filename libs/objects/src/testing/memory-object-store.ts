import { Readable } from 'node:stream';
import { assertObjectKey, type ObjectStore } from '../object-store.js';

/** For tests of what uses a store. */
export class MemoryObjectStore implements ObjectStore {
  readonly objects = new Map<string, { body: Buffer; contentType: string }>();

  async put(key: string, body: Buffer, contentType: string): Promise<void> {
    assertObjectKey(key);
    this.objects.set(key, { body: Buffer.from(body), contentType });
  }

  async get(key: string): Promise<Readable | undefined> {
    assertObjectKey(key);
    const found = this.objects.get(key);
    return found === undefined ? undefined : Readable.from([found.body]);
  }

  async remove(keys: readonly string[]): Promise<void> {
    keys.forEach(assertObjectKey);
    for (const key of keys) this.objects.delete(key);
  }

  async health(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}
