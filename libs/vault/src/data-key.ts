import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto';
import { cannotOpen, invalidContext } from './errors.js';
import {
  additionalData,
  COMMITMENT_BYTES,
  keyIdBytes,
  NONCE_BYTES,
  readEnvelope,
  TAG_BYTES,
  writeEnvelope,
  type SealContext,
} from './format.js';
import { PLAINTEXT_BYTES } from './limits.js';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const LABEL = 'keyward/vault/v1';

/** RFC 5869. The label is the salt; the info names use, organization and key, each behind its length as 16 bits. */
function derive(dataKey: Buffer, use: 'encryption' | 'commitment', org: string, keyId: Buffer, length: number): Buffer {
  const elements = [Buffer.from(use), Buffer.from(org), keyId].flatMap((element) => {
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16BE(element.length);
    return [prefix, element];
  });
  return Buffer.from(hkdfSync('sha256', dataKey, LABEL, Buffer.concat(elements), length));
}

/** Its bytes are outside the JavaScript heap, where OpenSSL overwrites them when it frees them; node works fastest with such a key. */
function deriveKeyObject(dataKey: Buffer, org: string, keyId: Buffer): KeyObject {
  const bytes = derive(dataKey, 'encryption', org, keyId, KEY_BYTES);
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

/**
 * What is kept of a data key in memory: an encryption key and a commitment, both derived once. GCM alone does not commit to its
 * key (one ciphertext can be made that opens under two keys, each time to something else), so the commitment travels in front of
 * the ciphertext and is compared before anything is decrypted.
 *
 * All of it is synchronous: between taking a key from the cache and using it there is no moment in which it could be disposed of.
 */
export class DataKey {
  readonly id: string;
  readonly org: string;
  readonly #keyId: Buffer;
  readonly #commitment: Buffer;
  #encryptionKey: KeyObject | undefined;

  /** Zeroes `plaintext`. @throws KeywardError `internal` unless it is 32 bytes. */
  constructor(org: string, id: string, plaintext: Buffer) {
    try {
      if (plaintext.length !== KEY_BYTES)
        throw invalidContext(`a data key has ${plaintext.length} bytes instead of ${KEY_BYTES}`);
      this.id = id;
      this.org = org;
      this.#keyId = keyIdBytes(id);
      this.#commitment = derive(plaintext, 'commitment', org, this.#keyId, COMMITMENT_BYTES);
      this.#encryptionKey = deriveKeyObject(plaintext, org, this.#keyId);
    } finally {
      plaintext.fill(0);
    }
  }

  /** `nonce` is given by the test vectors only. */
  seal(context: SealContext, plaintext: Buffer, nonce: Buffer = randomBytes(NONCE_BYTES)): Buffer {
    const key = this.#keyFor(context);
    if (plaintext.length > PLAINTEXT_BYTES) throw invalidContext('a secret is too long to be sealed');
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(additionalData(context, this.#keyId));
    const ciphertext = cipher.update(plaintext);
    cipher.final(); // GCM is a stream: nothing is left to come, this computes the tag
    return writeEnvelope(this.#keyId, { commitment: this.#commitment, nonce, ciphertext, tag: cipher.getAuthTag() });
  }

  /** The caller zeroes what it gets. @throws KeywardError `internal` for anything that was not sealed by this key in this context. */
  open(context: SealContext, sealed: Buffer): Buffer {
    const key = this.#keyFor(context);
    const { commitment, nonce, ciphertext, tag } = readEnvelope(sealed);
    if (!timingSafeEqual(commitment, this.#commitment)) throw cannotOpen('the ciphertext does not commit to its data key');
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(additionalData(context, this.#keyId));
    decipher.setAuthTag(tag);
    const plaintext = decipher.update(ciphertext);
    try {
      decipher.final();
    } catch (cause) {
      plaintext.fill(0); // not authentic, and still somebody's plaintext
      throw cannotOpen('the ciphertext or its context is not authentic', cause);
    }
    return plaintext;
  }

  /** The key is good for nothing afterwards, and its bytes are gone with the next garbage collection. */
  dispose(): void {
    this.#encryptionKey = undefined;
  }

  #keyFor(context: SealContext): KeyObject {
    if (this.#encryptionKey === undefined) throw cannotOpen('the data key has already left memory');
    if (context.org !== this.org) throw cannotOpen('the data key belongs to another organization');
    return this.#encryptionKey;
  }
}
