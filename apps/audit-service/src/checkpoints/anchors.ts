import { text } from 'node:stream/consumers';
import { CheckpointRejected, readCheckpoint } from '@keyward/audit';
import { checkpointKeys, verifyCheckpoint } from '@keyward/audit/verification';
import { KeywardError } from '@keyward/contracts';
import { objectKey, type ObjectStore } from '@keyward/objects';
import type { DataSource } from 'typeorm';
import { inTrail } from '../trail-transaction.js';
import type { SigningKey } from './signing-key.js';

const PAGE = 200;
const DAY_MS = 86_400_000;
const SEQ_DIGITS = 12;
const CONTENT_TYPE = 'application/jose';

const WAITING = `SELECT org_id, seq, id, jws FROM audit.checkpoint WHERE anchored_at IS NULL AND id > $1 ORDER BY id LIMIT ${PAGE}`;
const ANCHORED = `UPDATE audit.checkpoint SET anchored_at = clock_timestamp() WHERE org_id = $1 AND seq = $2 AND anchored_at IS NULL`;

interface Statement {
  org: string;
  seq: number;
  jws: string;
}

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
    private readonly key: Pick<SigningKey, 'publicKeys'>,
    private readonly retentionDays: number,
  ) {}

  /**
   * All checkpoints that have no copy yet, oldest first.
   *
   * @param contradicted told of each organization of which the store keeps another statement of the same place; the others go on
   * @throws KeywardError `dependency_unavailable`; those before it are done
   */
  async putAll(stopping: AbortSignal, contradicted: (org: string, seq: number) => void): Promise<void> {
    for (let after: string | undefined = ''; after !== undefined && !stopping.aborted;) {
      const parameters: string[] = [after];
      const rows: WaitingRow[] = await inTrail(this.database, undefined, (em) => em.query<WaitingRow[]>(WAITING, parameters));
      for (const { org_id: org, seq, jws } of rows) {
        if (stopping.aborted) return;
        const isThere = await this.#tryPut({ org, seq: Number(seq), jws });
        if (isThere) await inTrail(this.database, org, (em) => em.query(ANCHORED, [org, seq]));
        else contradicted(org, Number(seq));
      }
      after = rows.length < PAGE ? undefined : rows.at(-1)?.id;
    }
  }

  /**
   * One statement, under `<kind>/<org>/<seq>`. Repeating it does no harm, also with one that was signed at another moment.
   * @throws KeywardError `conflict` where the store keeps something else in its place, `dependency_unavailable`
   */
  async put(kind: 'checkpoints' | 'cuts', { org, seq, jws }: Statement): Promise<void> {
    const key = objectKey(kind, org, String(seq).padStart(SEQ_DIGITS, '0'));
    const { retentionDays } = this;
    const locked = retentionDays === 0 ? {} : { retainUntil: new Date(Date.now() + retentionDays * DAY_MS) };
    try {
      await this.store.put(key, Buffer.from(jws), CONTENT_TYPE, locked);
    } catch (thrown) {
      // Put before, by a round that ended before it could note it: what is locked is not replaced.
      if (!isConflict(thrown) || !(await this.#states(key, jws))) throw thrown;
    }
  }

  async #tryPut(statement: Statement): Promise<boolean> {
    try {
      await this.put('checkpoints', statement);
      return true;
    } catch (thrown) {
      if (isConflict(thrown)) return false;
      throw thrown;
    }
  }

  /** Whether what is stored is signed by us and of the same place, with the same hash. */
  async #states(key: string, jws: string): Promise<boolean> {
    const found = await this.store.get(key);
    if (found === undefined) return false;
    const { org, seq, hash } = readCheckpoint(jws).statement;
    try {
      const stored = await verifyCheckpoint(await text(found), await checkpointKeys((await this.key.publicKeys()).keys));
      return stored.org === org && stored.seq === seq && stored.hash === hash;
    } catch (thrown) {
      if (thrown instanceof CheckpointRejected) return false;
      throw thrown;
    }
  }
}

function isConflict(thrown: unknown): boolean {
  return thrown instanceof KeywardError && thrown.code === 'conflict';
}
