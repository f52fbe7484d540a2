import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { KmsContext } from '@keyward/vault';
import { KEY_BYTES, type WrappingKey } from './key-file.js';

/**
 * A wrapped data key, version 1 (docs/storage-format.md):
 *
 *   offset 0   1 byte    version, 0x01
 *   offset 1   16 bytes  wrapping key id: the hex digits of `local-…` as bytes
 *   offset 17  12 bytes  nonce
 *   offset 29  32 bytes  ciphertext
 *   offset 61  16 bytes  tag
 */
const VERSION = 1;
const NONCE_AT = 17;
const CIPHERTEXT_AT = 29;
const TAG_AT = CIPHERTEXT_AT + KEY_BYTES;
const WRAPPED_BYTES = 77;
const LABEL = 'keyward/kms-local/v1';

function element(bytes: Buffer): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(bytes.length);
  return Buffer.concat([prefix, bytes]);
}

/** Each element behind its length: no two contexts are the same bytes, whatever is in them. */
function additionalData(head: Buffer, context: KmsContext): Buffer {
  return Buffer.concat([Buffer.from(LABEL), head, Buffer.from(context.org), Buffer.from(context.purpose)].map(element));
}

/** `nonce` is given by the test vectors only. */
export function wrap(wrapping: WrappingKey, plaintext: Buffer, context: KmsContext, nonce: Buffer = randomBytes(12)): Buffer {
  const head = Buffer.concat([Buffer.of(VERSION), Buffer.from(wrapping.id.slice('local-'.length), 'hex')]);
  const cipher = createCipheriv('aes-256-gcm', wrapping.key, nonce);
  cipher.setAAD(additionalData(head, context));
  return Buffer.concat([head, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** @throws Error unless the bytes are of the known form. */
export function wrappingKeyId(wrapped: Buffer): string {
  if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== VERSION) throw new Error('not a wrapped key of a known version');
  return `local-${wrapped.toString('hex', 1, NONCE_AT)}`;
}

/** The caller zeroes the answer. @throws Error when the key, the context or a byte is another. */
export function unwrap(wrapping: WrappingKey, wrapped: Buffer, context: KmsContext): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', wrapping.key, wrapped.subarray(NONCE_AT, CIPHERTEXT_AT), {
    authTagLength: 16,
  });
  decipher.setAAD(additionalData(wrapped.subarray(0, NONCE_AT), context));
  decipher.setAuthTag(wrapped.subarray(TAG_AT));
  const plaintext = decipher.update(wrapped.subarray(CIPHERTEXT_AT, TAG_AT));
  try {
    decipher.final();
  } catch (cause) {
    plaintext.fill(0);
    throw cause;
  }
  return plaintext;
}
