import type { Readable } from 'node:stream';
import { KeywardError } from '@keyward/contracts';

/**
 * Bytes under keys, for results that are too large for the bus. What they are, whose they are and until when they are kept is in
 * PostgreSQL; a store knows only keys. Every operation may be repeated, and throws KeywardError `dependency_unavailable` where the store
 * does not answer.
 */
export interface ObjectStore {
  /**
   * Resolves once the bytes are there for good. Under a key that is taken, the new ones take their place.
   *
   * With `retainUntil` they are locked there: repeating the same is fine, other bytes are refused. How far the lock reaches is the store's:
   * Amazon S3 keeps that version whoever asks; what is put or removed later, without a lock, hides it at most.
   * @throws KeywardError `conflict` where other bytes are there, and locked or to be locked
   */
  put(key: string, body: Buffer, contentType: string, options?: PutOptions): Promise<void>;
  /** Undefined where there is none. */
  get(key: string): Promise<Readable | undefined>;
  /** Keys under which there is nothing are as good as removed. */
  remove(keys: readonly string[]): Promise<void>;
  /** Whether the store can be reached and written to. */
  health(): Promise<void>;
  close(): Promise<void>;
}

export interface PutOptions {
  /** Until then the bytes can be neither changed nor removed. */
  retainUntil?: Date;
}

const SEGMENT = /^[A-Za-z0-9_-]{1,128}$/;
const MAX_SEGMENTS = 8;

/** Keys are made of ids, joined by slashes: nothing in them can lead out of a directory or be read in two ways. @throws TypeError */
export function objectKey(...segments: readonly string[]): string {
  if (segments.length === 0 || segments.length > MAX_SEGMENTS || !segments.every((segment) => SEGMENT.test(segment)))
    throw new TypeError('an object key is made of 1 to 8 segments of A-Z a-z 0-9 _ -');
  return segments.join('/');
}

/** @throws TypeError unless it is one that objectKey makes */
export function assertObjectKey(key: string): void {
  objectKey(...key.split('/'));
}

/** Where locked bytes are in the way. */
export function objectLocked(): KeywardError {
  return new KeywardError('conflict', 'Something else is stored in this place, and may not be replaced or removed.');
}

export function objectsUnavailable(cause: unknown): KeywardError {
  return new KeywardError('dependency_unavailable', 'Large results can not be stored or read at the moment.', { cause });
}
