import { createHash } from 'node:crypto';

/** Of our own making, as RFC 9562 section 6.6 has it. */
const NAMESPACE = Buffer.from('5b0d1a6f0c3f4e0e9a4c7e1d2f8b6a93', 'hex');

/** A UUID that is always the same for the same text: version 5 (RFC 9562 section 5.5). */
export function uuidFrom(text: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(text).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
