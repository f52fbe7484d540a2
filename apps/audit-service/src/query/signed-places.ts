import { CheckpointRejected, type ChainPosition } from '@keyward/audit';
import { checkpointKeys, verifyCheckpoint, type CheckpointKeys } from '@keyward/audit/verification';
import type { AuditRecord } from '@keyward/contracts';
import type { EntityManager } from 'typeorm';
import type { PublishedKeys } from '../checkpoints/signing-key.js';

/** Where a chain is not what was signed. */
export interface SignedFault {
  firstBrokenSeq: number;
  reason: 'checkpoint_mismatch' | 'forged_checkpoint' | 'unknown_key' | 'gap';
}

const CHECKPOINTS = `
  SELECT seq, jws FROM audit.checkpoint WHERE org_id = $1 AND seq > $2 AND ($3::bigint IS NULL OR seq <= $3) ORDER BY seq`;

/**
 * Compares a chain with what was signed of it: who can change rows can make all hashes anew, but not the signatures. Only what
 * the statements say counts, not the columns beside them.
 */
export class SignedPlaces {
  private constructor(private readonly keys: CheckpointKeys) {}

  /** @throws KeywardError `dependency_unavailable` where the key can't be asked for */
  static async of(published: PublishedKeys): Promise<SignedPlaces> {
    return new SignedPlaces(await checkpointKeys((await published.all())?.keys ?? []));
  }

  /** @param isLast nothing follows these records: what is signed beyond them is missing */
  async fault(
    em: EntityManager,
    org: string,
    records: readonly AuditRecord[],
    after: number,
    isLast: boolean,
  ): Promise<SignedFault | undefined> {
    const end = records.at(-1)?.seq ?? after;
    const hashes = new Map(records.map(({ seq, hash }) => [seq, hash]));
    const rows = await em.query<{ seq: string; jws: string }[]>(CHECKPOINTS, [org, after, isLast ? null : end]);
    for (const { seq: text, jws } of rows) {
      const seq = Number(text);
      if (seq > end) return { firstBrokenSeq: end + 1, reason: 'gap' };
      const fault = await this.faultAt(org, { seq, hash: hashes.get(seq) ?? '' }, jws);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** Of one statement, which should be of this place. */
  async faultAt(org: string, { seq, hash }: ChainPosition, jws: string): Promise<SignedFault | undefined> {
    try {
      const stated = await verifyCheckpoint(jws, this.keys);
      const agrees = stated.org === org && stated.seq === seq && stated.hash === hash;
      return agrees ? undefined : { firstBrokenSeq: seq, reason: 'checkpoint_mismatch' };
    } catch (thrown) {
      if (!(thrown instanceof CheckpointRejected)) throw thrown;
      return { firstBrokenSeq: seq, reason: thrown.fault === 'unknown_key' ? 'unknown_key' : 'forged_checkpoint' };
    }
  }
}
