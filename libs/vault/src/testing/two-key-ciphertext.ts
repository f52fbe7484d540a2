import { createCipheriv, randomBytes } from 'node:crypto';

/**
 * The attack that key commitment is for: one GCM ciphertext with one tag that is authentic under two keys, and decrypts to something
 * else under each. GHASH is linear in every ciphertext block, so one free block can be solved for (Dodis, Grubbs, Ristenpart,
 * Woodage, "Fast Message Franking", 2018; Len, Grubbs, Ristenpart, "Partitioning Oracle Attacks", 2021).
 */

const BLOCK = 16;
/** x^128 + x^7 + x^2 + x + 1 in the bit order of NIST SP 800-38D section 6.3. */
const REDUCTION = 0xe1n << 120n;

function toBlock(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`);
}

function fromBlock(block: bigint): Buffer {
  return Buffer.from(block.toString(16).padStart(2 * BLOCK, '0'), 'hex');
}

function multiply(x: bigint, y: bigint): bigint {
  let product = 0n;
  let v = y;
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((x >> bit) & 1n) product ^= v;
    v = v & 1n ? (v >> 1n) ^ REDUCTION : v >> 1n;
  }
  return product;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n << 127n; // the field's one
  for (let square = base, left = exponent; left > 0n; left >>= 1n, square = multiply(square, square)) {
    if (left & 1n) result = multiply(result, square);
  }
  return result;
}

function inverse(x: bigint): bigint {
  return power(x, 2n ** 128n - 2n);
}

function encryptBlock(key: Buffer, block: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
}

function blocks(bytes: Buffer): bigint[] {
  return Array.from({ length: bytes.length / BLOCK }, (_, i) => toBlock(bytes.subarray(i * BLOCK, (i + 1) * BLOCK)));
}

/** @returns ciphertext of two blocks and its tag, authentic under both keys for this nonce and additional data. */
export function twoKeyCiphertext(
  keys: readonly [Buffer, Buffer],
  nonce: Buffer,
  additionalData: Buffer,
): { ciphertext: Buffer; tag: Buffer } {
  const first = randomBytes(BLOCK);
  const lengths = Buffer.alloc(BLOCK);
  lengths.writeUInt32BE(additionalData.length * 8, 4);
  lengths.writeUInt32BE(2 * BLOCK * 8, 12);
  const sequence = [...blocks(padded(additionalData)), toBlock(first), 0n, toBlock(lengths)];
  /** Of the free block: it is the last but one of the sequence. */
  const exponent = 2n;
  const sides = keys.map((key) => {
    const h = toBlock(encryptBlock(key, Buffer.alloc(BLOCK)));
    const rest = sequence.reduce((sum, block) => multiply(sum ^ block, h), 0n);
    const mask = toBlock(encryptBlock(key, Buffer.concat([nonce, Buffer.of(0, 0, 0, 1)])));
    return { weight: power(h, exponent), rest: rest ^ mask };
  });
  const [one, two] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const free = multiply(one.rest ^ two.rest, inverse(one.weight ^ two.weight));
  return { ciphertext: Buffer.concat([first, fromBlock(free)]), tag: fromBlock(one.rest ^ multiply(free, one.weight)) };
}
