import { setTimeout as delay } from 'node:timers/promises';
import type { AuditPort } from '@keyward/audit';
import type { DataSource } from 'typeorm';
import { eachOf } from '../background/each-of.js';
import { exclusively } from '../background/exclusively.js';
import type { Anchors } from '../checkpoints/anchors.js';
import type { Checkpoints } from '../checkpoints/checkpoints.js';
import { inTrail } from '../trail-transaction.js';
import { recordCuts } from './cuts.js';
import type { Kept, RetentionMetrics } from './metrics.js';

const DAY_MS = 86_400_000;
const PARALLEL = 2;
/** The drop needs the whole table for a moment, and whoever inserts waits behind it: rather soon again than long. */
const LOCK_TIMEOUT_MS = 300;
const ATTEMPTS = 10;
const BETWEEN_ATTEMPTS_MS = 1_000;

/** SQLSTATE: lock_not_available, and what drop_day of the migration raises. */
const BUSY = '55P03';
const REFUSALS: Record<string, Kept> = { KW002: 'hold', KW003: 'late_events' };

/** The beginning of the first day that is kept, by whichever clock is behind: one that is ahead must not take what can't be given back. */
const KEEP_FROM = `
  SELECT least($1::timestamptz, date_trunc('day', clock_timestamp(), 'UTC') - $2 * interval '24 hours') AS moment`;
const DUE = `SELECT to_char(d, 'YYYY-MM-DD') AS day FROM audit.partition_days() d WHERE d < $1::date ORDER BY d`;
const IS_HELD = `SELECT audit.is_held($1::date) AS held`;
/**
 * An event that came late: something was chained before it that is to be kept, and could not be verified behind the cut. The day waits
 * until that is old enough as well.
 */
const HAS_LATE = `
  SELECT EXISTS (
    SELECT FROM audit.last_of_day($1::date) l
    WHERE EXISTS (SELECT FROM audit.event e WHERE e.org_id = l.org_id AND e.seq < l.seq AND e.at >= $2::timestamptz)
  ) AS late`;
/** The same of what is held, however old that is. */
const IS_BEHIND_HELD = `
  SELECT audit.is_behind_held(array_agg(org_id), array_agg(seq)) AS held FROM audit.last_of_day($1::date)`;
const LAST_OF_DAY = `SELECT org_id, seq, encode(hash, 'hex') AS hash FROM audit.last_of_day($1::date) ORDER BY org_id`;
const DROP_DAY = `SELECT audit.drop_day($1::date, $2::text[], $3::bigint[], $4::text[]) AS events`;

export interface RetentionLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

interface Parts {
  /** With time enough for a large day. */
  database: DataSource;
  checkpoints: Checkpoints;
  anchors: Anchors | undefined;
  audit: AuditPort;
  metrics: RetentionMetrics;
  log: RetentionLog;
  /** Full days that are kept besides today. */
  days: number;
}

interface Last {
  org: string;
  seq: number;
  hash: string;
}

/** Drops days of the trail that are older than they need be kept, unless something keeps them. */
export class Retention {
  constructor(private readonly parts: Parts) {}

  /** Never throws: what fails is told, and tried again in the next round. */
  async round(stopping: AbortSignal): Promise<void> {
    const { database, audit, log, metrics } = this.parts;
    try {
      await exclusively(database, 'audit.retention', async () => {
        await recordCuts(database, audit);
        await this.#dropDue(stopping);
        await recordCuts(database, audit);
      });
    } catch (thrown) {
      metrics.failed();
      log.warn({ err: thrown }, 'days of the trail whose retention has ended could not be dropped; they will be');
    }
  }

  async #dropDue(stopping: AbortSignal): Promise<void> {
    const { database, days, log, metrics } = this.parts;
    const own = new Date(Math.floor(Date.now() / DAY_MS - days) * DAY_MS);
    const [first] = await inTrail(database, undefined, (em) => em.query<[{ moment: Date }]>(KEEP_FROM, [own, days]));
    const keepFrom = first.moment.toISOString();
    const due = await inTrail(database, undefined, (em) => em.query<{ day: string }[]>(DUE, [keepFrom.slice(0, 10)]));
    const kept: Record<Kept, number> = { hold: 0, late_events: 0, busy: 0 };
    for (const { day } of due) {
      if (stopping.aborted) return;
      const why = await this.#drop(day, keepFrom, stopping);
      if (why === undefined) continue;
      kept[why]++;
      log.warn({ day, reason: why }, 'a day of the trail is kept though its retention has ended');
    }
    metrics.kept(kept);
  }

  /** @returns why it was not dropped; undefined where it was */
  async #drop(day: string, keepFrom: string, stopping: AbortSignal): Promise<Kept | undefined> {
    const { database, log, metrics } = this.parts;
    const whole = <T>(text: string, values: unknown[]): Promise<T[]> =>
      inTrail(database, undefined, (em) => em.query<T[]>(text, values));
    if ((await whole<{ held: boolean }>(IS_HELD, [day]))[0]?.held === true) return 'hold';
    if ((await whole<{ late: boolean }>(HAS_LATE, [day, keepFrom]))[0]?.late === true) return 'late_events';
    if ((await whole<{ held: boolean }>(IS_BEHIND_HELD, [day]))[0]?.held === true) return 'hold';
    const rows = await whole<{ org_id: string; seq: string; hash: string }>(LAST_OF_DAY, [day]);
    const lasts = rows.map((row) => ({ org: row.org_id, seq: Number(row.seq), hash: row.hash }));
    const statements = await this.#sign(lasts);
    const parameters = [day, lasts.map(({ org }) => org), lasts.map(({ seq }) => seq), statements];
    for (let attempt = 1; attempt <= ATTEMPTS && !stopping.aborted; attempt++) {
      const outcome = await this.#dropNow(parameters);
      if (typeof outcome === 'number') {
        metrics.dropped();
        log.info({ day, events: outcome, organizations: lasts.length }, 'a day of the trail is dropped: its retention has ended');
        return undefined;
      }
      if (outcome !== 'busy') return outcome;
      await delay(BETWEEN_ATTEMPTS_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
    return 'busy';
  }

  /** Where each chain will be cut, in the order of `lasts`; anchored before anything is dropped. */
  async #sign(lasts: readonly Last[]): Promise<string[]> {
    const { checkpoints, anchors } = this.parts;
    const statements = new Map<string, string>();
    await eachOf(lasts, PARALLEL, async ({ org, seq, hash }) => {
      const jws = await checkpoints.signPlace(org, { seq, hash });
      await anchors?.put('cuts', { org, seq, jws });
      statements.set(org, jws);
    });
    return lasts.map(({ org }) => statements.get(org) ?? '');
  }

  /** @returns how many events went; why none did */
  async #dropNow(parameters: unknown[]): Promise<number | Kept> {
    try {
      return await this.parts.database.transaction(async (em) => {
        await em.query(`SET LOCAL keyward.org = '*'`);
        await em.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
        const [row] = await em.query<{ events: string }[]>(DROP_DAY, parameters);
        return Number(row?.events ?? 0);
      });
    } catch (thrown) {
      const state = (thrown as { code?: unknown }).code;
      if (state === BUSY) return 'busy';
      const refusal = typeof state === 'string' ? REFUSALS[state] : undefined;
      if (refusal !== undefined) return refusal;
      throw thrown;
    }
  }
}
