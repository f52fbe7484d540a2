/** Of an integer of P-256 (RFC 7518 section 3.4). */
const COORDINATE_BYTES = 32;
const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * An ECDSA signature on P-256 from DER (RFC 3279 section 2.2.3: SEQUENCE of INTEGER r, INTEGER s), which a KMS gives, to r || s, which JOSE wants.
 * @throws Error where it is anything else
 */
export function joseSignature(der: Uint8Array): Buffer {
  const bytes = Buffer.from(der);
  // Both integers together have at most 70 bytes, so every length is a single byte.
  if (bytes[0] !== SEQUENCE || bytes[1] !== bytes.length - 2) throw new Error('the signature is not a DER sequence');
  const [r, afterR] = integerAt(bytes, 2);
  const [s, afterS] = integerAt(bytes, afterR);
  if (afterS !== bytes.length) throw new Error('the signature has more than two integers');
  return Buffer.concat([r, s]);
}

function integerAt(bytes: Buffer, at: number): [value: Buffer, next: number] {
  const length = bytes[at + 1] ?? 0;
  const end = at + 2 + length;
  if (bytes[at] !== INTEGER || length === 0 || end > bytes.length) throw new Error('the signature is not made of DER integers');
  let value = bytes.subarray(at + 2, end);
  // Zeros in front keep an integer from being read as negative.
  while (value.length > 0 && value[0] === 0) value = value.subarray(1);
  if (value.length > COORDINATE_BYTES) throw new Error('the signature is not one of P-256');
  return [Buffer.concat([Buffer.alloc(COORDINATE_BYTES - value.length), value]), end];
}
