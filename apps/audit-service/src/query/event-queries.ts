import { verifyChain, type ChainPosition } from '@keyward/audit';
import type { AuditRecord } from '@keyward/contracts';
import { asDatabaseError } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import type { CursorCodec, Position } from './cursor.js';
import type { EventQuery } from './event-filter.js';
import { RECORD_COLUMNS, selectEvents, toRecord, type EventRow } from './event-sql.js';

export interface EventPage {
  /** Newest first. */
  events: AuditRecord[];
  /** Null on the last page. */
  nextCursor: string | null;
}

export interface VerificationQuery {
  organization: string;
  /** The end of an earlier answer, to go on from there; left out: from the first record. */
  after: ChainPosition | undefined;
}

export type Verification =
  /** `complete` is false where there is more to verify after `head`. */
  | { organization: string; ok: true; verified: number; head: ChainPosition; complete: boolean }
  | { organization: string; ok: false; verified: number; firstBrokenSeq: number; reason: string };

const VERIFY_PAGE = 1000;
const VERIFY_MAX_PAGES = 200;

const SELECT_HEAD = `SELECT seq, encode(hash, 'hex') AS hash FROM audit.chain_head WHERE org_id = $1`;
const SELECT_CHAIN = `SELECT ${RECORD_COLUMNS} FROM audit.event WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT ${VERIFY_PAGE}`;

/** What auditors ask. Every question is one read-only transaction that sees one moment of the trail. */
export class EventQueries {
  constructor(
    private readonly database: DataSource,
    private readonly cursors: CursorCodec,
  ) {}

  /**
   * @param reader who asks: only that one can go on with the page's cursor
   * @throws KeywardError `invalid_request` for a cursor that is not ours, `dependency_unavailable`
   */
  async find({ filter, cursor, limit }: EventQuery, reader: string): Promise<EventPage> {
    const before = cursor === undefined ? undefined : this.cursors.decode(cursor, filter, reader);
    const { text, values } = selectEvents(filter, before, limit + 1);
    const rows = await this.read(filter.organization, (em) => em.query<EventRow[]>(text, values));
    const events = rows.slice(0, limit).map(toRecord);
    const last = rows.length > limit ? events.at(-1) : undefined;
    return { events, nextCursor: last === undefined ? null : this.cursors.encode(positionOf(last), filter, reader) };
  }

  hasTrail(organization: string): Promise<boolean> {
    return this.read(organization, async (em) => (await em.query<unknown[]>(SELECT_HEAD, [organization])).length > 0);
  }

  /** Verifies up to 200,000 records of one chain, at its end also against the head that the next event will be chained to. */
  verify({ organization, after }: VerificationQuery): Promise<Verification> {
    return this.read(organization, async (em) => {
      const [head] = await em.query<{ seq: string; hash: string }[]>(SELECT_HEAD, [organization]);
      const checkpoint = head === undefined ? undefined : { seq: Number(head.seq), hash: head.hash };
      let at = after;
      let verified = 0;
      for (let page = 0; page < VERIFY_MAX_PAGES; page++) {
        const rows = await em.query<EventRow[]>(SELECT_CHAIN, [organization, at?.seq ?? 0]);
        const last = rows.length < VERIFY_PAGE;
        const verdict = verifyChain(rows.map(toRecord), { ...(at && { after: at }), ...(last && checkpoint && { checkpoint }) });
        if (!verdict.ok)
          return { organization, ok: false, verified, firstBrokenSeq: verdict.firstBrokenSeq, reason: verdict.reason };
        at = verdict.head;
        verified += verdict.count;
        if (last) return { organization, ok: true, verified, head: at, complete: true };
      }
      return { organization, ok: true, verified, head: at as ChainPosition, complete: false };
    });
  }

  /** Without an organization the whole deployment's trail is read: its operator asks. */
  private async read<T>(organization: string | undefined, work: (em: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await this.database.transaction('REPEATABLE READ', async (em) => {
        await em.query('SET TRANSACTION READ ONLY');
        await em.query(`SELECT set_config('keyward.org', $1, true)`, [organization ?? '*']);
        return work(em);
      });
    } catch (thrown) {
      throw asDatabaseError(thrown);
    }
  }
}

function positionOf({ event, seq }: AuditRecord): Position {
  return { at: event.at, org: event.org, seq };
}
