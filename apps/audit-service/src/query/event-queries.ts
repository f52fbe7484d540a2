import type { AuditRecord } from '@keyward/contracts';
import type { DataSource } from 'typeorm';
import { readTrail } from '../trail-transaction.js';
import type { CursorCodec, Position } from './cursor.js';
import type { EventQuery } from './event-filter.js';
import { selectEvents, toRecord, type EventRow } from './event-sql.js';

export interface EventPage {
  /** Newest first. */
  events: AuditRecord[];
  /** Null on the last page. */
  nextCursor: string | null;
}

/** For so long a page that follows is part of the reading that was recorded; a cursor that is kept longer begins one of its own. */
const READING_MS = 3_600_000;

interface FoundPage extends EventPage {
  /** Whether it is part of a reading that is in the trail already. */
  isRecorded: boolean;
}

const SELECT_HEAD = `SELECT 1 FROM audit.chain_head WHERE org_id = $1`;

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
  async find({ filter, cursor, limit }: EventQuery, reader: string): Promise<FoundPage> {
    const before = cursor === undefined ? undefined : this.cursors.decode(cursor, filter, reader);
    const isRecorded = before !== undefined && Math.abs(Date.now() - before.recordedAt) < READING_MS;
    const recordedAt = isRecorded ? before.recordedAt : Date.now();
    const { text, values } = selectEvents(filter, before, limit + 1);
    const rows = await readTrail(this.database, filter.organization, (em) => em.query<EventRow[]>(text, values));
    const events = rows.slice(0, limit).map(toRecord);
    const last = rows.length > limit ? events.at(-1) : undefined;
    const nextCursor = last === undefined ? null : this.cursors.encode({ ...positionOf(last), recordedAt }, filter, reader);
    return { events, nextCursor, isRecorded };
  }

  hasTrail(organization: string): Promise<boolean> {
    return readTrail(
      this.database,
      organization,
      async (em) => (await em.query<unknown[]>(SELECT_HEAD, [organization])).length > 0,
    );
  }
}

function positionOf({ event, seq }: AuditRecord): Position {
  return { at: event.at, org: event.org, seq };
}
