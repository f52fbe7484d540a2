import { randomBytes } from 'node:crypto';
import {
  assertKmsContext,
  keyRefused,
  keysUnavailable,
  type KeyManagement,
  type KmsContext,
  type WrappedKey,
} from '@keyward/vault';
import { currentKey, KEY_BYTES, keyById, type WrappingKey } from './key-file.js';
import { unwrap, wrap, wrappingKeyId } from './wrapping.js';

export interface LocalKmsOptions {
  /** Path of the key file; its mode must be 0600. Make it once with `createKeyFile`. */
  keyFile: string;
}

/**
 * The KMS of the embedded stack: keys in a file. It protects against whoever gets the database and not the machine.
 *
 * The file is read for every request, which is rare because data keys are cached: so no wrapping key stays in memory, and a key
 * that was added is used without a restart.
 */
class LocalKms implements KeyManagement {
  readonly #keyFile: string;

  constructor(keyFile: string) {
    this.#keyFile = keyFile;
  }

  async generateDataKey(context: KmsContext): Promise<WrappedKey & { plaintext: Buffer }> {
    assertKmsContext(context);
    const plaintext = randomBytes(KEY_BYTES);
    return { plaintext, ...(await this.#wrapByCurrent(plaintext, context)) };
  }

  async decrypt(wrapped: Buffer, context: KmsContext): Promise<Buffer> {
    assertKmsContext(context);
    const wrapping = await this.#keyOf(wrapped);
    try {
      return unwrap(wrapping, wrapped, context);
    } catch (cause) {
      throw keyRefused(cause);
    } finally {
      wrapping.key.fill(0);
    }
  }

  async reencrypt(wrapped: Buffer, context: KmsContext): Promise<WrappedKey> {
    const plaintext = await this.decrypt(wrapped, context);
    try {
      return await this.#wrapByCurrent(plaintext, context);
    } finally {
      plaintext.fill(0);
    }
  }

  async health(): Promise<void> {
    const wrapping = await this.#available(currentKey(this.#keyFile));
    wrapping.key.fill(0);
  }

  async #wrapByCurrent(plaintext: Buffer, context: KmsContext): Promise<WrappedKey> {
    const wrapping = await this.#available(currentKey(this.#keyFile));
    try {
      return { wrapped: wrap(wrapping, plaintext, context), kmsKeyId: wrapping.id };
    } finally {
      wrapping.key.fill(0);
    }
  }

  async #keyOf(wrapped: Buffer): Promise<WrappingKey> {
    let id: string;
    try {
      id = wrappingKeyId(wrapped);
    } catch (cause) {
      throw keyRefused(cause);
    }
    const wrapping = await this.#available(keyById(this.#keyFile, id));
    if (wrapping === undefined) throw keyRefused(new Error(`the key file has no key ${id}`));
    return wrapping;
  }

  async #available<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (cause) {
      throw keysUnavailable(cause);
    }
  }
}

export function createLocalKms(options: LocalKmsOptions): KeyManagement {
  return new LocalKms(options.keyFile);
}
