import { buffer } from 'node:stream/consumers';
import { objectKey, type ObjectStore } from '@keyward/objects';
import type { DataSource } from 'typeorm';
import { inTrail } from '../trail-transaction.js';

const PAGE = 200;
const DAY_MS = 86_400_000;
const SEQ_DIGITS = 12;
const CONTENT_TYPE = 'application/jose';

const WAITING = `SELECT org_id, seq, id, jws FROM audit.checkpoint WHERE anchored_at IS NULL AND id > $1 ORDER BY id LIMIT ${PAGE}`;
const ANCHORED = `UPDATE audit.checkpoint SET anchored_at = clock_timestamp() WHERE org_id = $1 AND seq = $2 AND anchored_at IS NULL`;

interface WaitingRow {
  org_id: string;
  seq: string;
  id: string;
  jws: string;
}

/** Copies of checkpoints, apart from the database: whoever rewrites that can't rewrite these. */
export class Anchors {
  /** @param retentionDays for which the store lets nobody remove a copy; 0: as the store does anyway */
  constructor(
    private readonly database: DataSource,
    private readonly store: ObjectStore,
    private readonly retentionDays: number,
  ) {}

  /** All checkpoints that have no copy yet, oldest first. @throws KeywardError `dependency_unavailable`; those before it are done */
  async putAll(stopping: AbortSignal): Promise<void> {
    for (let after: string | undefined = ''; after !== undefined && !stopping.aborted;) {
      const parameters: string[] = [after];
      const rows: WaitingRow[] = await inTrail(this.database, undefined, (em) => em.query<WaitingRow[]>(WAITING, parameters));
      for (const { org_id: org, seq, jws } of rows) {
        if (stopping.aborted) return;
        await this.put('checkpoints', { org, seq: Number(seq), jws });
        await inTrail(this.database, org, (em) => em.query(ANCHORED, [org, seq]));
      }
      after = rows.length < PAGE ? undefined : rows.at(-1)?.id;
    }
  }

  /** One statement, under `<kind>/<org>/<seq>`. Repeating it does no harm. */
  async put(kind: 'checkpoints' | 'cuts', { org, seq, jws }: { org: string; seq: number; jws: string }): Promise<void> {
    const key = objectKey(kind, org, String(seq).padStart(SEQ_DIGITS, '0'));
    const body = Buffer.from(jws);
    const { retentionDays } = this;
    const locked = retentionDays === 0 ? {} : { retainUntil: new Date(Date.now() + retentionDays * DAY_MS) };
    try {
      await this.store.put(key, body, CONTENT_TYPE, locked);
    } catch (thrown) {
      // Put before, by a round that ended before it could note it: what is locked is not replaced.
      if (!(await this.#holds(key, body))) throw thrown;
    }
  }

  async #holds(key: string, body: Buffer): Promise<boolean> {
    const found = await this.store.get(key).catch(() => undefined);
    return found !== undefined && (await buffer(found)).equals(body);
  }
}
