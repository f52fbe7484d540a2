import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { keyRefused } from '../errors.js';
import { assertKmsContext } from '../kms-context.js';
import type { KeyManagement, KmsContext, KmsOperation, WrappedKey } from '../ports.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface MemoryKmsOptions {
  /** How a context becomes bytes; given by the test that shows what happens when this is ambiguous. */
  encode?: (context: KmsContext) => Buffer;
}

/** A KMS with real cryptography and keys in memory, whose faults and timing a test decides. */
export class MemoryKms implements KeyManagement {
  readonly calls: KmsOperation[] = [];
  /** Every plaintext buffer that was handed out, so that a test can see it zeroed. */
  readonly handedOut: Buffer[] = [];
  /** Thrown or awaited before each request is served. */
  before: (op: KmsOperation) => Promise<void> | void = () => undefined;
  readonly #keys: Buffer[] = [randomBytes(32)];
  readonly #encode: (context: KmsContext) => Buffer;

  constructor(options: MemoryKmsOptions = {}) {
    this.#encode = options.encode ?? ((context) => Buffer.from(JSON.stringify([context.org, context.purpose])));
  }

  /** A new current key; what the earlier ones have wrapped still opens. */
  rotate(): void {
    this.#keys.push(randomBytes(32));
  }

  get currentKeyId(): string {
    return `memory-${this.#keys.length - 1}`;
  }

  async generateDataKey(context: KmsContext): Promise<WrappedKey & { plaintext: Buffer }> {
    await this.#request('generate_data_key', context);
    const plaintext = this.#handOut(randomBytes(32));
    return { plaintext, ...this.#wrap(plaintext, context) };
  }

  async decrypt(wrapped: Buffer, context: KmsContext): Promise<Buffer> {
    await this.#request('decrypt', context);
    return this.#handOut(this.#unwrap(wrapped, context));
  }

  async reencrypt(wrapped: Buffer, context: KmsContext): Promise<WrappedKey> {
    await this.#request('reencrypt', context);
    return this.#wrap(this.#unwrap(wrapped, context), context);
  }

  async health(): Promise<void> {
    await this.before('decrypt');
  }

  async #request(op: KmsOperation, context: KmsContext): Promise<void> {
    assertKmsContext(context);
    this.calls.push(op);
    await this.before(op);
  }

  #handOut(plaintext: Buffer): Buffer {
    this.handedOut.push(plaintext);
    return plaintext;
  }

  #wrap(plaintext: Buffer, context: KmsContext): WrappedKey {
    const index = this.#keys.length - 1;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key(index), nonce);
    cipher.setAAD(this.#encode(context));
    const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return { wrapped: Buffer.concat([Buffer.of(index), nonce, body, cipher.getAuthTag()]), kmsKeyId: this.currentKeyId };
  }

  #unwrap(wrapped: Buffer, context: KmsContext): Buffer {
    try {
      const bodyAt = 1 + NONCE_BYTES;
      const decipher = createDecipheriv('aes-256-gcm', this.#key(wrapped[0]), wrapped.subarray(1, bodyAt), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(this.#encode(context));
      decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
      return Buffer.concat([decipher.update(wrapped.subarray(bodyAt, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw keyRefused(cause);
    }
  }

  #key(index: number | undefined): Buffer {
    const key = index === undefined ? undefined : this.#keys[index];
    if (key === undefined) throw new Error('no such wrapping key');
    return key;
  }
}
