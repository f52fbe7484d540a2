import type { ChainPosition } from '@keyward/audit';
import { KeywardError } from '@keyward/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { latestCut, refuseBefore } from '../query/cut.js';
import { readTrail } from '../trail-transaction.js';
import type { ExportQuery } from './export-query.js';

/** What an export is of, settled before its first line. Records are only ever added, so this is one moment however long it takes. */
export interface ExportPlan extends ExportQuery {
  /** The record before the first one; undefined: from the beginning of the trail. */
  from: ChainPosition | undefined;
  /** The last one; undefined: there is none. */
  head: ChainPosition | undefined;
  /** The signed statement of `from`, where there is one. */
  fromJws: string | undefined;
}

const HEAD = `SELECT seq, encode(hash, 'hex') AS hash FROM audit.chain_head WHERE org_id = $1 AND seq > 0`;
const RECORD = `SELECT seq, encode(hash, 'hex') AS hash FROM audit.event WHERE org_id = $1 AND seq = $2`;
const CHECKPOINT = `SELECT jws FROM audit.checkpoint WHERE org_id = $1 AND seq = $2`;

/** @throws KeywardError `invalid_request` for a beginning that there is not (any more), `dependency_unavailable` */
export async function planExport(database: DataSource, query: ExportQuery): Promise<ExportPlan> {
  const { organization, afterSeq } = query;
  return readTrail(database, organization, async (em) => {
    const head = await position(em, HEAD, [organization]);
    const cut = await latestCut(em, organization);
    refuseBefore(cut, afterSeq);
    const seq = afterSeq ?? cut?.seq;
    if (seq === undefined) return { ...query, head, from: undefined, fromJws: undefined };
    if (seq === cut?.seq) return { ...query, head, from: { seq, hash: cut.hash }, fromJws: cut.jws };
    const from = await position(em, RECORD, [organization, seq]);
    if (from === undefined) throw new KeywardError('invalid_request', 'There is no record with the number in "afterSeq".');
    const [checkpoint] = await em.query<{ jws: string }[]>(CHECKPOINT, [organization, seq]);
    return { ...query, head, from, fromJws: checkpoint?.jws };
  });
}

async function position(em: EntityManager, text: string, values: unknown[]): Promise<ChainPosition | undefined> {
  const [row] = await em.query<{ seq: string; hash: string }[]>(text, values);
  return row && { seq: Number(row.seq), hash: row.hash };
}
