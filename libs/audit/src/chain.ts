import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { AuditEvent, AuditRecord } from '@keyward/contracts';

/** What the first record of an organization is chained to. */
export const GENESIS_HASH: Buffer = Buffer.alloc(32);

/**
 * The event as JSON Canonicalization Scheme bytes (RFC 8785): one byte sequence per value, whatever stored it in between. Of an event as it
 * was recorded, never of what a schema has left of it: members that a reader does not know are hashed, too.
 */
export function canonicalJson(event: Readonly<Record<string, unknown>> | AuditEvent): string {
  const text = canonicalize(event);
  if (text === undefined) throw new TypeError('an audit event must be a JSON value');
  return text;
}

/** `SHA-256(prevHash || canonical JSON of the event)`, 32 bytes. */
export function chainHash(prevHash: Buffer, event: Readonly<Record<string, unknown>> | AuditEvent): Buffer {
  return chainHashOfCanonical(prevHash, canonicalJson(event));
}

/** {@link chainHash} for a caller that has the canonical JSON already. */
export function chainHashOfCanonical(prevHash: Buffer, canonical: string): Buffer {
  if (prevHash.length !== 32) throw new TypeError('the previous hash must have 32 bytes');
  return createHash('sha256').update(prevHash).update(canonical).digest();
}

/** A place in a chain: sequence number of a record and its hash in hex. */
export interface ChainPosition {
  seq: number;
  hash: string;
}

export interface VerifyOptions {
  /** The trusted record before the first one given. Left out: the chain is checked from its beginning. */
  after?: ChainPosition;
  /** A record known from elsewhere, which must be among those given or be `after`. Without it a chain cut at its end, or rewritten whole, looks intact. */
  checkpoint?: ChainPosition;
}

export type ChainVerdict =
  | { ok: true; count: number; head: ChainPosition }
  | {
      ok: false;
      firstBrokenSeq: number;
      reason: 'gap' | 'foreign_organization' | 'prev_hash_mismatch' | 'hash_mismatch' | 'checkpoint_mismatch';
    };

const START: ChainPosition = { seq: 0, hash: GENESIS_HASH.toString('hex') };

/**
 * Verifies one organization's records, which must come in the order of their `seq`.
 *
 * `firstBrokenSeq` is the place in the chain where the first thing is wrong: the expected number for a gap, else the record's own.
 */
export function verifyChain(records: Iterable<AuditRecord>, options: VerifyOptions = {}): ChainVerdict {
  const { after = START, checkpoint } = options;
  let at = after;
  let count = 0;
  let org: string | undefined;
  for (const record of records) {
    const expected = at.seq + 1;
    org ??= record.event.org;
    if (record.seq !== expected) return { ok: false, firstBrokenSeq: expected, reason: 'gap' };
    if (record.event.org !== org) return { ok: false, firstBrokenSeq: expected, reason: 'foreign_organization' };
    if (record.prevHash !== at.hash) return { ok: false, firstBrokenSeq: expected, reason: 'prev_hash_mismatch' };
    const hash = chainHash(Buffer.from(at.hash, 'hex'), record.event).toString('hex');
    if (record.hash !== hash) return { ok: false, firstBrokenSeq: expected, reason: 'hash_mismatch' };
    at = { seq: expected, hash };
    count++;
    if (contradicts(at, checkpoint)) return { ok: false, firstBrokenSeq: expected, reason: 'checkpoint_mismatch' };
  }
  if (contradicts(at, checkpoint)) return { ok: false, firstBrokenSeq: at.seq, reason: 'checkpoint_mismatch' };
  if (checkpoint !== undefined && at.seq < checkpoint.seq) return { ok: false, firstBrokenSeq: at.seq + 1, reason: 'gap' };
  return { ok: true, count, head: at };
}

function contradicts(at: ChainPosition, checkpoint: ChainPosition | undefined): boolean {
  return at.seq === checkpoint?.seq && at.hash !== checkpoint.hash;
}
