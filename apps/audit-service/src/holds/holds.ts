import { buildAuditEvent, type AuditPort } from '@keyward/audit';
import { DEPLOYMENT_ORG, KeywardError, newId } from '@keyward/contracts';
import { currentTraceId } from '@keyward/service-host';
import type { DataSource } from 'typeorm';
import type { Reader } from '../query/auditor.js';
import { inTrail, readTrail } from '../trail-transaction.js';

/** What retention leaves alone, whatever its age. */
export interface Hold {
  id: string;
  /** Null: every organization's trail. */
  organization: string | null;
  /** RFC 3339 UTC; null: from the beginning, or without an end. */
  from: string | null;
  to: string | null;
  reason: string;
  placedBy: string;
  placedAt: string;
  releasedBy: string | null;
  releasedAt: string | null;
}

export interface HoldRequest {
  organization: string | null;
  from: string | null;
  to: string | null;
  reason: string;
}

interface HoldRow {
  id: string;
  org_id: string | null;
  from_at: Date | null;
  to_at: Date | null;
  reason: string;
  placed_by: string;
  placed_at: Date;
  released_by: string | null;
  released_at: Date | null;
}

const MAX_LISTED = 1000;
const COLUMNS = 'id, org_id, from_at, to_at, reason, placed_by, placed_at, released_by, released_at';
const INSERT = `
  INSERT INTO audit.hold (id, org_id, from_at, to_at, reason, placed_by) VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${COLUMNS}`;
const RELEASE = `
  UPDATE audit.hold SET released_by = $2, released_at = clock_timestamp() WHERE id = $1 AND released_at IS NULL`;
const FIND = `SELECT ${COLUMNS} FROM audit.hold WHERE id = $1`;
const LIST = `SELECT ${COLUMNS} FROM audit.hold ORDER BY released_at IS NOT NULL, id DESC LIMIT ${MAX_LISTED}`;

/** Legal holds, of the operator. They are never deleted: released ones say until when they held. */
export class Holds {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditPort,
  ) {}

  /** Those that hold first, newest first. */
  async list(): Promise<{ holds: Hold[] }> {
    return { holds: (await readTrail(this.database, undefined, (em) => em.query<HoldRow[]>(LIST))).map(toHold) };
  }

  /** Recorded in the same transaction as far as that goes: where it can't be, there is no hold. */
  place(request: HoldRequest, reader: Reader): Promise<Hold> {
    const { organization, from, to, reason } = request;
    return inTrail(this.database, undefined, async (em) => {
      const [row] = await em.query<[HoldRow]>(INSERT, [newId('hld'), organization, from, to, reason, reader.id]);
      const hold = toHold(row);
      await this.#record('audit.hold_placed', hold, reader);
      return hold;
    });
  }

  /** Released before, it stays as it is. @throws KeywardError `not_found`, `dependency_unavailable` */
  release(id: string, reader: Reader): Promise<Hold> {
    return inTrail(this.database, undefined, async (em) => {
      const [, released] = await em.query<[unknown, number]>(RELEASE, [id, reader.id]);
      const [row] = await em.query<HoldRow[]>(FIND, [id]);
      if (row === undefined) throw new KeywardError('not_found', 'There is no such hold.');
      const hold = toHold(row);
      if (released > 0) await this.#record('audit.hold_released', hold, reader);
      return hold;
    });
  }

  #record(type: 'audit.hold_placed' | 'audit.hold_released', hold: Hold, reader: Reader): Promise<void> {
    return this.audit.record(
      buildAuditEvent({
        type,
        org: hold.organization ?? DEPLOYMENT_ORG,
        actor: { kind: 'admin', id: reader.id },
        traceId: currentTraceId(),
        target: hold.id,
        reason: hold.reason,
      }),
    );
  }
}

function toHold(row: HoldRow): Hold {
  return {
    id: row.id,
    organization: row.org_id,
    from: row.from_at?.toISOString() ?? null,
    to: row.to_at?.toISOString() ?? null,
    reason: row.reason,
    placedBy: row.placed_by,
    placedAt: row.placed_at.toISOString(),
    releasedBy: row.released_by,
    releasedAt: row.released_at?.toISOString() ?? null,
  };
}
