import { cannotOpen, invalidContext } from './errors.js';

/**
 * The bytes of a sealed secret, version 1. docs/storage-format.md describes them for readers without this code, and
 * test/vectors/vault-v1.json pins them.
 *
 *   offset 0   1 byte    version, 0x01
 *   offset 1   16 bytes  data key id: the hex digits of `dek_…` as bytes
 *   offset 17  32 bytes  commitment to the data key
 *   offset 49  12 bytes  nonce
 *   offset 61  n bytes   ciphertext, as long as the plaintext
 *   last       16 bytes  tag
 */
export const VERSION = 1;
const KEY_ID_BYTES = 16;
export const COMMITMENT_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

const COMMITMENT_AT = 1 + KEY_ID_BYTES;
const NONCE_AT = COMMITMENT_AT + COMMITMENT_BYTES;
export const CIPHERTEXT_AT = NONCE_AT + NONCE_BYTES;
export const OVERHEAD_BYTES = CIPHERTEXT_AT + TAG_BYTES;

const KEY_ID = /^dek_[0-9a-f]{32}$/;
const NAME_BYTES = 512;
const GENERATION_BYTES = 8;

/** Where a secret belongs. Sealed bytes open only in the place they were sealed for. */
export interface SealContext {
  org: string;
  /** Id of the row that holds it, for example of a connection. */
  record: string;
  field: string;
  /** Rises with every new value of the field, so that an older one can't be put back. */
  generation: number;
}

export interface Envelope {
  commitment: Buffer;
  nonce: Buffer;
  ciphertext: Buffer;
  tag: Buffer;
}

export function keyIdBytes(dataKeyId: string): Buffer {
  if (!KEY_ID.test(dataKeyId)) throw invalidContext('a data key id is not of the form dek_ and 32 hex digits');
  return Buffer.from(dataKeyId.slice(4), 'hex');
}

/** @throws KeywardError `internal` unless the bytes are long enough and of a known version. */
export function readKeyId(sealed: Buffer): string {
  if (sealed.length < OVERHEAD_BYTES) throw cannotOpen('the sealed bytes are truncated');
  if (sealed[0] !== VERSION) throw cannotOpen(`the sealed bytes have format version ${sealed[0]}, known is ${VERSION}`);
  return `dek_${sealed.toString('hex', 1, COMMITMENT_AT)}`;
}

/** The parts as views into `sealed`. Call `readKeyId` first: it checks length and version. */
export function readEnvelope(sealed: Buffer): Envelope {
  const tagAt = sealed.length - TAG_BYTES;
  return {
    commitment: sealed.subarray(COMMITMENT_AT, NONCE_AT),
    nonce: sealed.subarray(NONCE_AT, CIPHERTEXT_AT),
    ciphertext: sealed.subarray(CIPHERTEXT_AT, tagAt),
    tag: sealed.subarray(tagAt),
  };
}

export function writeEnvelope(keyId: Buffer, envelope: Envelope): Buffer {
  return Buffer.concat([Buffer.of(VERSION), keyId, envelope.commitment, envelope.nonce, envelope.ciphertext, envelope.tag]);
}

/** Well-formed, because a lone surrogate becomes U+FFFD in UTF-8 and two different names would then have the same bytes. */
function checkName(name: string, what: string): void {
  if (typeof name !== 'string' || name.length === 0 || !name.isWellFormed()) {
    throw invalidContext(`the ${what} of a secret's context is empty or not well-formed`);
  }
  if (Buffer.byteLength(name) > NAME_BYTES) throw invalidContext(`the ${what} of a secret's context is too long`);
}

export function checkContext(context: SealContext): void {
  checkName(context.org, 'organization');
  checkName(context.record, 'record');
  checkName(context.field, 'field');
  if (!Number.isSafeInteger(context.generation) || context.generation < 1) {
    throw invalidContext('the generation of a secret is not a positive integer');
  }
}

function writeName(target: Buffer, offset: number, name: string): number {
  const length = target.write(name, offset + 2);
  target.writeUInt16BE(length, offset);
  return offset + 2 + length;
}

/**
 * What GCM authenticates besides the ciphertext: six elements, each behind its length as 16 bits big-endian, so that no two
 * contexts give the same bytes. Version (1 byte), organization, record, field (UTF-8), data key id (16 bytes), generation (64 bits
 * big-endian).
 */
export function additionalData(context: SealContext, keyId: Buffer): Buffer {
  checkContext(context);
  const { org, record, field, generation } = context;
  // A UTF-16 unit takes at most three bytes of UTF-8.
  const bound = 6 * 2 + 1 + KEY_ID_BYTES + GENERATION_BYTES + 3 * (org.length + record.length + field.length);
  const data = Buffer.allocUnsafe(bound);
  data.writeUInt16BE(1, 0);
  data[2] = VERSION;
  let offset = writeName(data, 3, org);
  offset = writeName(data, offset, record);
  offset = writeName(data, offset, field);
  data.writeUInt16BE(KEY_ID_BYTES, offset);
  offset += 2 + keyId.copy(data, offset + 2);
  data.writeUInt16BE(GENERATION_BYTES, offset);
  data.writeUInt32BE(Math.floor(generation / 2 ** 32), offset + 2);
  data.writeUInt32BE(generation % 2 ** 32, offset + 6);
  return data.subarray(0, offset + 2 + GENERATION_BYTES);
}
