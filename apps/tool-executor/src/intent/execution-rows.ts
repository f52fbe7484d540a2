import type { ExecutionResult, ExecutionState } from '@keyward/contracts';
import { withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';

export interface ExecutionRow {
  id: string;
  requestHash: Buffer;
  /** Of the tool, when it was recorded; null where that is not known. */
  toolVersion: string | null;
  /** A provider that was given a key with it still knows that key. */
  isKeyKnown: boolean;
  epoch: number;
  /** It waits for an authorization: nothing of it was ever sent. */
  waits: boolean;
  /** RFC 3339: when somebody last took it up. */
  takenUpAt: string;
  /** Undefined while it runs, or ran when its process ended. */
  result: ExecutionResult | undefined;
}

export interface NewExecution {
  id: string;
  org: string;
  agent: string;
  user: string;
  tool: string;
  /** Null: the provider asks for none. */
  connection: string | null;
  idempotencyKey: string | undefined;
  requestHash: Buffer;
  toolVersion: string | undefined;
}

interface Stored {
  id: string;
  request_hash: Buffer;
  tool_version: string | null;
  is_key_known: boolean;
  epoch: number;
  state: string;
  updated_at: Date;
  result: string | null;
}

/** Half of what providers keep them for at least, which is commonly a day. */
const KEY_KNOWN = `interval '12 hours'`;
const COLUMNS = `id, request_hash, tool_version, created_at > now() - ${KEY_KNOWN} AS is_key_known, epoch, state, updated_at, result`;
const RUNNING = 'running';
const WAITING: ExecutionState = 'waiting_for_authorization';
const UNKNOWN: ExecutionState = 'unknown';

/** Table execution.execution: one row per call that writes. */
export class ExecutionRows {
  constructor(private readonly dataSource: DataSource) {}

  /** False where this execution, or one of this agent under the same idempotency key, is there already. */
  async insert(row: NewExecution): Promise<boolean> {
    const { id, org, agent, user, tool, connection, idempotencyKey = null, requestHash, toolVersion = null } = row;
    const inserted = await this.query<{ id: string }>(
      org,
      `INSERT INTO execution.execution
         (id, org_id, agent_id, user_id, tool, connection_id, idempotency_key, request_hash, tool_version, state)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '${RUNNING}') ON CONFLICT DO NOTHING RETURNING id`,
      [id, org, agent, user, tool, connection, idempotencyKey, requestHash, toolVersion],
    );
    return inserted.length === 1;
  }

  async find(org: string, id: string): Promise<ExecutionRow | undefined> {
    return rowOf(
      await this.query<Stored>(org, `SELECT ${COLUMNS} FROM execution.execution WHERE org_id = $1 AND id = $2`, [org, id]),
    );
  }

  async findByKey(org: string, agent: string, idempotencyKey: string): Promise<ExecutionRow | undefined> {
    const where = 'org_id = $1 AND agent_id = $2 AND idempotency_key = $3';
    return rowOf(
      await this.query<Stored>(org, `SELECT ${COLUMNS} FROM execution.execution WHERE ${where}`, [org, agent, idempotencyKey]),
    );
  }

  /** The epoch of the new owner; undefined where it ended meanwhile or someone else was faster. */
  async takeOver(org: string, id: string, epoch: number): Promise<number | undefined> {
    return this.update(org, `epoch = epoch + 1, state = '${RUNNING}'`, [id, epoch], `'${RUNNING}', '${WAITING}'`);
  }

  /** What waits ends, with nothing sent of it since. Its key is free again. What somebody has begun is left to him. */
  async end(org: string, id: string, result: ExecutionResult): Promise<void> {
    await this.query(
      org,
      `UPDATE execution.execution SET state = $2, result = to_jsonb($3::text), idempotency_key = NULL, updated_at = now()
       WHERE id = $1 AND state = '${WAITING}'`,
      [id, result.state, JSON.stringify(result)],
    );
  }

  /** What came of a call whose outcome was not known. @returns false where somebody else has said so already */
  async resolve(org: string, id: string, result: ExecutionResult): Promise<boolean> {
    const changed = await this.query<{ id: string }>(
      org,
      `WITH changed AS (
         UPDATE execution.execution SET state = $2, result = to_jsonb($3::text), updated_at = now()
         WHERE id = $1 AND state = '${UNKNOWN}' RETURNING id
       ) SELECT id FROM changed`,
      [id, result.state, JSON.stringify(result)],
    );
    return changed.length > 0;
  }

  /**
   * @param releaseKey the idempotency key may be used again: nothing has happened under it
   * @returns false where this process no longer owns the row
   */
  async settle(org: string, id: string, epoch: number, result: ExecutionResult, releaseKey: boolean): Promise<boolean> {
    // A JSON text inside jsonb: a provider's output may hold NUL and lone surrogates, which jsonb itself refuses.
    const change = `state = $3, result = to_jsonb($4::text), attempts = $5${releaseKey ? ', idempotency_key = NULL' : ''}`;
    const settled = await this.update(org, change, [id, epoch, result.state, JSON.stringify(result), result.attempts]);
    return settled !== undefined;
  }

  private async update(org: string, change: string, values: unknown[], states = `'${RUNNING}'`): Promise<number | undefined> {
    const updated = await this.query<{ epoch: number }>(
      org,
      `WITH changed AS (
         UPDATE execution.execution SET ${change}, updated_at = now()
         WHERE id = $1 AND epoch = $2 AND state IN (${states}) RETURNING epoch
       ) SELECT epoch FROM changed`,
      values,
    );
    return updated[0]?.epoch;
  }

  private query<Row>(org: string, text: string, values: unknown[]): Promise<Row[]> {
    return withOrg(this.dataSource, org, (em: EntityManager) => em.query<Row[]>(text, values));
  }
}

function rowOf([row]: Stored[]): ExecutionRow | undefined {
  if (row === undefined) return undefined;
  const { id, epoch, result } = row;
  return {
    id,
    epoch,
    waits: row.state === WAITING,
    takenUpAt: row.updated_at.toISOString(),
    requestHash: row.request_hash,
    toolVersion: row.tool_version,
    isKeyKnown: row.is_key_known,
    result: result === null ? undefined : (JSON.parse(result) as ExecutionResult),
  };
}
