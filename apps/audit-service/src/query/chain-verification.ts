import { verifyChain, type ChainPosition } from '@keyward/audit';
import type { DataSource, EntityManager } from 'typeorm';
import { Slots } from '../background/slots.js';
import type { PublishedKeys } from '../checkpoints/signing-key.js';
import { readTrail } from '../trail-transaction.js';
import { latestCut, refuseBefore, type Cut } from './cut.js';
import { RECORD_COLUMNS, toRecord, type EventRow } from './event-sql.js';
import { SignedPlaces } from './signed-places.js';

export interface VerificationQuery {
  organization: string;
  /** The end of an earlier answer, to go on from there; left out: from the first record that retention has left. */
  after: ChainPosition | undefined;
}

export type Verification =
  /** `complete` is false where there is more to verify after `head`. */
  | { organization: string; ok: true; verified: number; head: ChainPosition; complete: boolean }
  | { organization: string; ok: false; verified: number; firstBrokenSeq: number; reason: string };

const PAGE = 1000;
const MAX_PAGES = 200;
/** At a time and replica: each keeps a connection busy, of which events to be stored need some, too. */
const MOST = { all: 2, each: 1 };

/**
 * A partition of which the database knows no numbers yet, a new or a restored one, looks small to its planner, which would sort the whole
 * rest of the chain for each page instead of following the index.
 */
const IN_ORDER_OF_INDEX = 'SET LOCAL enable_sort = off';
const SELECT_HEAD = `SELECT seq, encode(hash, 'hex') AS hash FROM audit.chain_head WHERE org_id = $1`;
const SELECT_CHAIN = `SELECT ${RECORD_COLUMNS} FROM audit.event WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT ${PAGE}`;

/** Verifies what is stored, where it is stored. An export proves more, as it is verified elsewhere. */
export class ChainVerification {
  readonly #slots = new Slots('verifications', MOST);

  constructor(
    private readonly database: DataSource,
    private readonly keys: PublishedKeys,
  ) {}

  /**
   * Up to 200,000 records of one chain, against everything that was signed of it, and at its end against the head that the next event
   * will be chained to.
   *
   * @throws KeywardError `invalid_request` for a place that retention has dropped, `rate_limited`, `dependency_unavailable`
   */
  async verify(query: VerificationQuery): Promise<Verification> {
    const giveBack = this.#slots.take(query.organization);
    try {
      return await this.#verify(query);
    } finally {
      giveBack();
    }
  }

  async #verify({ organization, after }: VerificationQuery): Promise<Verification> {
    const signed = await SignedPlaces.of(this.keys);
    return readTrail(this.database, organization, async (em) => {
      await em.query(IN_ORDER_OF_INDEX);
      const cut = await latestCut(em, organization);
      refuseBefore(cut, after?.seq);
      const fault = cut && (await signed.faultAt(organization, cut, cut.jws));
      if (fault !== undefined) return { organization, ok: false, verified: 0, ...fault };
      return follow(em, signed, organization, after ?? beginningOf(cut));
    });
  }
}

async function follow(
  em: EntityManager,
  signed: SignedPlaces,
  organization: string,
  after: ChainPosition | undefined,
): Promise<Verification> {
  const [head] = await em.query<{ seq: string; hash: string }[]>(SELECT_HEAD, [organization]);
  const checkpoint = head && { seq: Number(head.seq), hash: head.hash };
  let at = after;
  let verified = 0;
  for (let page = 0; page < MAX_PAGES; page++) {
    const records = (await em.query<EventRow[]>(SELECT_CHAIN, [organization, at?.seq ?? 0])).map(toRecord);
    const isLast = records.length < PAGE;
    const verdict = verifyChain(records, { ...(at && { after: at }), ...(isLast && checkpoint && { checkpoint }) });
    if (!verdict.ok) return { organization, verified, ...verdict };
    const fault = await signed.fault(em, organization, records, at?.seq ?? 0, isLast);
    if (fault !== undefined) return { organization, ok: false, verified, ...fault };
    at = verdict.head;
    verified += verdict.count;
    if (isLast) return { organization, ok: true, verified, head: at, complete: true };
  }
  return { organization, ok: true, verified, head: at as ChainPosition, complete: false };
}

function beginningOf(cut: Cut | undefined): ChainPosition | undefined {
  return cut && { seq: cut.seq, hash: cut.hash };
}
