import { signCheckpoint, type ChainPosition, type CheckpointSigner } from '@keyward/audit';
import { newId } from '@keyward/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { latestCut } from '../query/cut.js';
import { inTrail } from '../trail-transaction.js';
import type { SigningKey } from './signing-key.js';

/** A signed statement of where a chain stood. */
export interface StoredCheckpoint extends ChainPosition {
  jws: string;
}

/** What is stored and what was signed earlier can't both be true: nothing is signed over it. */
export class ChainContradiction extends Error {
  constructor(readonly organization: string) {
    super('the chain is not where its last checkpoint says that it was');
    this.name = 'ChainContradiction';
  }
}

/** One signer per chain at a time, so that each checkpoint names the one before it. Ingest does not wait for it. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('audit.checkpoint ' || $1, 0))`;
const HEAD = `SELECT seq, encode(hash, 'hex') AS hash, clock_timestamp() AS seen_at FROM audit.chain_head WHERE org_id = $1 AND seq > 0`;
const LAST = `SELECT seq, encode(hash, 'hex') AS hash, jws FROM audit.checkpoint WHERE org_id = $1 ORDER BY seq DESC LIMIT 1`;
const RECORD = `SELECT encode(hash, 'hex') AS hash FROM audit.event WHERE org_id = $1 AND seq = $2`;
const INSERT = `
  INSERT INTO audit.checkpoint (org_id, seq, id, hash, at, kid, jws) VALUES ($1, $2, $3, decode($4, 'hex'), $5, $6, $7)`;
/** What was chained after we looked waits since then at the longest. */
const SIGNED = `
  UPDATE audit.chain_head SET unsigned_since = CASE WHEN seq > $2 THEN $3::timestamptz END
  WHERE org_id = $1 AND unsigned_since IS NOT NULL`;
const BEFORE = `SELECT coalesce(max(seq), 0) AS seq FROM audit.checkpoint WHERE org_id = $1 AND seq < $2`;
const UNSIGNED = `
  SELECT org_id FROM audit.chain_head WHERE unsigned_since IS NOT NULL AND org_id > $1 ORDER BY org_id LIMIT $2`;
const OLDEST = `SELECT extract(epoch FROM clock_timestamp() - min(unsigned_since))::float8 AS seconds FROM audit.chain_head
  WHERE unsigned_since IS NOT NULL`;

type PositionRow = Record<'seq' | 'hash', string>;

export class Checkpoints {
  constructor(
    private readonly database: DataSource,
    private readonly key: SigningKey,
  ) {}

  /**
   * The checkpoint of where the chain stands now: made, unless there is one.
   *
   * @returns undefined for a chain without events
   * @throws ChainContradiction; KeywardError `dependency_unavailable` where database or signing key can't be reached
   */
  async signHead(org: string): Promise<StoredCheckpoint | undefined> {
    const signer = await this.key.signer();
    return inTrail(this.database, org, async (em) => {
      await em.query(LOCK, [org]);
      const [head] = await em.query<(PositionRow & { seen_at: Date })[]>(HEAD, [org]);
      if (head === undefined) return undefined;
      const [last] = await em.query<(PositionRow & { jws: string })[]>(LAST, [org]);
      const stored = await signedAt(em, signer, {
        org,
        head: toPosition(head),
        last: last && { ...toPosition(last), jws: last.jws },
      });
      await em.query(SIGNED, [org, stored.seq, head.seen_at]);
      return stored;
    });
  }

  /** A statement for a place in the past, which is not stored: from there on a chain is verified whose beginning is dropped. */
  async signPlace(org: string, { seq, hash }: ChainPosition): Promise<string> {
    const signer = await this.key.signer();
    const previous = await inTrail(this.database, org, async (em) => {
      const [row] = await em.query<{ seq: string }[]>(BEFORE, [org, seq]);
      return Number(row?.seq ?? 0);
    });
    return signCheckpoint({ v: 1, org, seq, hash, at: new Date().toISOString(), events: seq - previous, previous }, signer);
  }

  /** Organizations whose chain has moved since its last checkpoint, in the order of their ids. */
  async unsigned(after: string, limit: number): Promise<string[]> {
    const rows = await inTrail(this.database, undefined, (em) => em.query<{ org_id: string }[]>(UNSIGNED, [after, limit]));
    return rows.map(({ org_id }) => org_id);
  }

  /** For how long the chain that has waited longest has been waiting; 0 where none has. */
  async oldestSeconds(): Promise<number> {
    const [row] = await inTrail(this.database, undefined, (em) => em.query<{ seconds: number | null }[]>(OLDEST));
    return Math.max(0, row?.seconds ?? 0);
  }
}

interface Place {
  org: string;
  head: ChainPosition;
  last: StoredCheckpoint | undefined;
}

async function signedAt(em: EntityManager, signer: CheckpointSigner, { org, head, last }: Place): Promise<StoredCheckpoint> {
  if (last !== undefined) {
    if (last.seq > head.seq || (last.seq === head.seq && last.hash !== head.hash)) throw new ChainContradiction(org);
    if (last.seq === head.seq) return last;
    await assertKept(em, org, last);
  }
  const previous = last?.seq ?? 0;
  const at = new Date().toISOString();
  const jws = await signCheckpoint({ v: 1, org, ...head, at, events: head.seq - previous, previous }, signer);
  await em.query(INSERT, [org, head.seq, newId('ckp'), head.hash, at, signer.kid, jws]);
  return { ...head, jws };
}

/** A chain that was made anew is not signed as if it were the one that grew. @throws ChainContradiction */
async function assertKept(em: EntityManager, org: string, last: ChainPosition): Promise<void> {
  const [record] = await em.query<{ hash: string }[]>(RECORD, [org, last.seq]);
  const isKept = record === undefined ? ((await latestCut(em, org))?.seq ?? 0) >= last.seq : record.hash === last.hash;
  if (!isKept) throw new ChainContradiction(org);
}

function toPosition({ seq, hash }: PositionRow): ChainPosition {
  return { seq: Number(seq), hash };
}
