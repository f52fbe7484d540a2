import type { AuditRecord } from '@keyward/contracts';
import type { EntityManager } from 'typeorm';
import { RECORD_COLUMNS, toRecord, type EventRow } from '../query/event-sql.js';
import type { Destination } from './destination.js';

/** An organization's chain, where the destination has it up to `seq`. */
export interface Due {
  org: string;
  seq: number;
  /** Where the chain ends. */
  head: number;
}

/** A record that comes next, in the order of its chain. */
export interface Next {
  record: AuditRecord;
  /** Of a type that the destination takes. */
  wanted: boolean;
}

/** Known from now on: what is in the trail by now is skipped where only what comes is asked for. */
const REGISTER = `INSERT INTO audit.forward_destination (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING name`;
const BEGIN_NOW = `INSERT INTO audit.forward_position (destination, org_id, seq) SELECT $1, org_id, seq FROM audit.chain_head`;

/** The lock is the transaction's, which holds no row and no snapshot while a message is on its way. */
const LOCK = `SELECT pg_try_advisory_xact_lock(hashtextextended('audit.forward ' || $1, 0)) AS locked`;
const IS_WAITING = `SELECT 1 FROM audit.forward_destination WHERE name = $1 AND retry_at > now()`;

const BEHIND = `
  SELECT h.org_id AS org, coalesce(p.seq, 0) AS seq, h.seq AS head, p.moved_at
  FROM audit.chain_head h LEFT JOIN audit.forward_position p ON p.destination = $1 AND p.org_id = h.org_id
  WHERE h.seq > coalesce(p.seq, 0) AND ($2::text[] IS NULL OR h.org_id = ANY ($2))`;

/** Who has waited longest comes first. */
const DUE = `${BEHIND} AND (p.retry_at IS NULL OR p.retry_at <= now()) ORDER BY p.moved_at NULLS FIRST, h.org_id LIMIT $3`;

/** In the order of the index: where the planner knows no numbers of a partition yet, it would sort the whole backlog for each message. */
const IN_ORDER_OF_INDEX = 'SET LOCAL enable_sort = off';

/** $1, $2: the organizations and where they are, in the order in which they are to be answered. */
const nextRecords = (each: number): string => `
  SELECT e.*, $3::text[] IS NULL OR e.type = ANY ($3) AS wanted
  FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS due (org_id, seq, place)
  CROSS JOIN LATERAL (
    SELECT type, ${RECORD_COLUMNS} FROM audit.event WHERE event.org_id = due.org_id AND event.seq > due.seq ORDER BY event.seq LIMIT ${each}
  ) e ORDER BY due.place, e.seq`;

const MOVE = `
  INSERT INTO audit.forward_position AS p (destination, org_id, seq) SELECT $1, * FROM unnest($2::text[], $3::bigint[])
  ON CONFLICT (destination, org_id) DO UPDATE SET seq = excluded.seq, failures = 0, retry_at = NULL, moved_at = now()`;
const SUCCEEDED = `UPDATE audit.forward_destination SET failures = 0, retry_at = NULL WHERE name = $1 AND failures > 0`;
const FAILED = `UPDATE audit.forward_destination SET failures = failures + 1 WHERE name = $1 RETURNING failures`;
const WAIT = `UPDATE audit.forward_destination SET retry_at = now() + $2 * interval '1 millisecond' WHERE name = $1`;
const HOLD = `
  INSERT INTO audit.forward_position AS p (destination, org_id, seq, failures) VALUES ($1, $2, $3, 1)
  ON CONFLICT (destination, org_id) DO UPDATE SET failures = p.failures + 1 RETURNING failures`;
const HOLD_UNTIL = `
  UPDATE audit.forward_position SET retry_at = now() + $3 * interval '1 millisecond' WHERE destination = $1 AND org_id = $2`;

/** At most as many are looked at: a scrape must stay cheap after a long outage. */
const LAG = `
  SELECT coalesce(max(extract(epoch FROM now() - e.at)), 0)::float8 AS seconds FROM (${BEHIND} LIMIT 1000) AS due
  CROSS JOIN LATERAL (SELECT at FROM audit.event WHERE event.org_id = due.org AND event.seq > due.seq ORDER BY event.seq LIMIT 1) e`;

/** How far one destination has the trail: the rows of it. Everything is to be called in a transaction that sees every organization. */
export class Positions {
  readonly #name: string;
  readonly #organizations: readonly string[] | null;

  constructor(private readonly destination: Destination) {
    this.#name = destination.name;
    this.#organizations = destination.organizations ?? null;
  }

  async register(em: EntityManager): Promise<void> {
    const added = await em.query<unknown[]>(REGISTER, [this.#name]);
    if (added.length > 0 && this.destination.from === 'now') await em.query(BEGIN_NOW, [this.#name]);
  }

  /** @returns false: another replica has it in hand, or it is to be left alone for a while */
  async take(em: EntityManager): Promise<boolean> {
    const [row] = await em.query<{ locked: boolean }[]>(LOCK, [this.#name]);
    return row?.locked === true && (await em.query<unknown[]>(IS_WAITING, [this.#name])).length === 0;
  }

  async due(em: EntityManager, limit: number): Promise<Due[]> {
    const rows = await em.query<Record<keyof Due, string>[]>(DUE, [this.#name, this.#organizations, limit]);
    return rows.map(({ org, seq, head }) => ({ org, seq: Number(seq), head: Number(head) }));
  }

  /** @param limit of records; as many of each organization as make it fair. Not empty: every organization has one record at least to give */
  async next(em: EntityManager, due: readonly Due[], limit: number): Promise<Next[]> {
    const each = Math.max(1, Math.floor(limit / due.length));
    const parameters = [due.map(({ org }) => org), due.map(({ seq }) => seq), this.destination.types ?? null];
    await em.query(IN_ORDER_OF_INDEX);
    const rows = await em.query<(EventRow & { wanted: boolean })[]>(nextRecords(each), parameters);
    return rows.map((row) => ({ record: toRecord(row), wanted: row.wanted }));
  }

  /** @param ends the new position of each organization */
  async move(em: EntityManager, ends: ReadonlyMap<string, number>): Promise<void> {
    await em.query(MOVE, [this.#name, [...ends.keys()], [...ends.values()]]);
    await em.query(SUCCEEDED, [this.#name]);
  }

  /** Nothing is sent to the destination for so long. @returns the wait, in ms */
  async wait(em: EntityManager, waitMs: (failures: number) => number): Promise<number> {
    const ms = waitMs(failuresOf(await em.query(FAILED, [this.#name])));
    await em.query(WAIT, [this.#name, ms]);
    return ms;
  }

  /** The organization is left out for so long. @returns the wait, in ms */
  async hold(em: EntityManager, { org, seq }: Pick<Due, 'org' | 'seq'>, waitMs: (failures: number) => number): Promise<number> {
    const ms = waitMs(failuresOf(await em.query(HOLD, [this.#name, org, seq])));
    await em.query(HOLD_UNTIL, [this.#name, org, ms]);
    return ms;
  }

  /** Age in seconds of the oldest record that the destination does not have yet; 0 where it has all. */
  async lag(em: EntityManager): Promise<number> {
    const [row] = await em.query<{ seconds: number }[]>(LAG, [this.#name, this.#organizations]);
    return row?.seconds ?? 0;
  }
}

/** The driver's answer to UPDATE … RETURNING is the rows and their number, that to INSERT the rows alone. */
function failuresOf(answer: unknown): number {
  const [row] = (answer as unknown[]).flat() as { failures?: number }[];
  return row?.failures ?? 1;
}
