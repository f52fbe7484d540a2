import type { ChainPosition } from '@keyward/audit';
import { KeywardError } from '@keyward/contracts';
import type { EntityManager } from 'typeorm';

/** Where retention has cut a chain: what is left begins behind it. */
export interface Cut extends ChainPosition {
  /** The signed statement of the place. */
  jws: string;
}

const LATEST = `
  SELECT seq, encode(hash, 'hex') AS hash, jws FROM audit.retention_cut WHERE org_id = $1 ORDER BY seq DESC LIMIT 1`;

export async function latestCut(em: EntityManager, organization: string): Promise<Cut | undefined> {
  const [row] = await em.query<{ seq: string; hash: string; jws: string }[]>(LATEST, [organization]);
  return row && { ...row, seq: Number(row.seq) };
}

/** @throws KeywardError `invalid_request` where somebody asks for what begins before the cut */
export function refuseBefore(cut: Cut | undefined, seq: number | undefined): void {
  if (cut === undefined || seq === undefined || seq >= cut.seq) return;
  throw new KeywardError(
    'invalid_request',
    `Records up to ${cut.seq} were dropped when their retention ended. The chain can be followed from there on.`,
  );
}
