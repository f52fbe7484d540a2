import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

/**
 * NATS keys: ed25519 keys as base32 text of `prefix ‖ 32 bytes ‖ CRC-16` (github.com/nats-io/nkeys). Own code because minting with
 * node:crypto takes about 50 µs, and the library, which computes ed25519 in JavaScript, blocks the event loop for 5 ms.
 */

/** First bytes, chosen by the format so that the text starts with this letter. */
const PREFIX = { account: 0, user: 20 << 3, seed: 18 << 3 } as const;
export type NkeyRole = 'account' | 'user';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648 section 6, without padding. */
function base32Encode(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31];
    value &= 0xff;
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

function base32Decode(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const char of text) {
    const digit = BASE32.indexOf(char);
    if (digit < 0) throw new TypeError('not base32');
    value = ((value << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push((value >>> (bits -= 8)) & 0xff);
  }
  return Buffer.from(bytes);
}

/** CRC-16/XMODEM: polynomial 0x1021, start 0. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

function withChecksum(bytes: Buffer): string {
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16LE(crc16(bytes));
  return base32Encode(Buffer.concat([bytes, checksum]));
}

export function encodePublicKey(role: NkeyRole, raw: Uint8Array): string {
  return withChecksum(Buffer.concat([Buffer.of(PREFIX[role]), raw]));
}

/** The role's prefix is spread over the first two bytes, after the three bits that say "seed". */
export function encodeSeed(role: NkeyRole, raw: Uint8Array): string {
  return withChecksum(Buffer.concat([Buffer.of(PREFIX.seed | (PREFIX[role] >> 5), (PREFIX[role] & 31) << 3), raw]));
}

/** @throws TypeError on anything but a seed of that role; the text is not quoted. */
export function decodeSeed(role: NkeyRole, seed: string): Buffer {
  const bytes = base32Decode(seed);
  const raw = bytes.subarray(2, 34);
  if (bytes.length !== 36 || encodeSeed(role, raw) !== seed) throw new TypeError(`not the seed of an ${role} key`);
  return raw;
}

/** RFC 8410 section 7: PKCS #8 of an ed25519 key is this prefix and the 32 bytes of the seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

export function privateKeyFromSeed(raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, raw]), format: 'der', type: 'pkcs8' });
}

export function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
}

/** A new key pair, as the two texts of a credentials file. */
export function createUserKey(): { publicKey: string; seed: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' });
  return {
    publicKey: encodePublicKey('user', Buffer.from(x, 'base64url')),
    seed: encodeSeed('user', Buffer.from(d, 'base64url')),
  };
}
