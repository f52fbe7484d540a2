import type { DataSource } from 'typeorm';
import { readTrail } from '../trail-transaction.js';

export interface CheckpointView {
  id: string;
  organization: string;
  seq: number;
  hash: string;
  /** RFC 3339 UTC. */
  at: string;
  kid: string;
  /** Compact JWS. */
  jws: string;
  /** RFC 3339 UTC; null where no copy is anchored. */
  anchoredAt: string | null;
}

export interface CheckpointPage {
  /** Newest first. */
  checkpoints: CheckpointView[];
  nextCursor: string | null;
}

interface CheckpointRow {
  id: string;
  seq: string;
  hash: string;
  at: Date;
  kid: string;
  jws: string;
  anchored_at: Date | null;
}

const SELECT = `
  SELECT id, seq, encode(hash, 'hex') AS hash, at, kid, jws, anchored_at FROM audit.checkpoint
  WHERE org_id = $1 AND ($2::bigint IS NULL OR seq < $2) ORDER BY seq DESC LIMIT $3`;

/** @param before only checkpoints of earlier places @throws KeywardError `dependency_unavailable` */
export async function listCheckpoints(
  database: DataSource,
  { organization, before, limit }: { organization: string; before: number | undefined; limit: number },
): Promise<CheckpointPage> {
  const parameters = [organization, before ?? null, limit + 1];
  const rows = await readTrail(database, organization, (em) => em.query<CheckpointRow[]>(SELECT, parameters));
  const checkpoints = rows.slice(0, limit).map((row) => ({
    id: row.id,
    organization,
    seq: Number(row.seq),
    hash: row.hash,
    at: row.at.toISOString(),
    kid: row.kid,
    jws: row.jws,
    anchoredAt: row.anchored_at?.toISOString() ?? null,
  }));
  return { checkpoints, nextCursor: rows.length > limit ? String(checkpoints.at(-1)?.seq) : null };
}
