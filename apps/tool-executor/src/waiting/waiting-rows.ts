import type { ExecutionAddress, WaitingReason } from '@keyward/contracts';
import { prepared, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';

export type WaitingState = 'waiting' | 'resuming' | 'resumed' | 'running' | 'cancelled' | 'expired';

export interface NewWaiting {
  id: string;
  org: string;
  agent: string;
  user: string;
  tool: string;
  provider: string;
  /** The one that the caller named. */
  connection: string | null;
  reason: WaitingReason;
  detail: string;
  connectUrl: string | null;
  /** JSON as the bus carries it. */
  request: string;
  traceId: string;
  /** Of the message that found it lacking. */
  epoch: number;
  waitMs: number;
  /** How long ago it was asked for, and its connections were looked at. */
  askedMs: number;
  lookedMs: number;
  /** Under which this process owns the record of what writes; null where there is none. It says from now on that nothing was sent. */
  executionEpoch: number | null;
}

/** Of a row that waits or has waited, for whoever sends it on its way or tells of its end. */
export interface WaitingRow {
  id: string;
  org: string;
  agent: string;
  user: string;
  tool: string;
  provider: string;
  connection: string | null;
  reason: WaitingReason;
  state: WaitingState;
  epoch: number;
  /** Null once it has ended. */
  request: string | null;
  traceId: string;
  endedAt: Date | null;
  /** From when it was asked for until now, or its end. */
  afterMs: number;
}

/** What was found of an execution that a message is about. */
export interface Standing {
  state: WaitingState;
  epoch: number;
  reason: WaitingReason;
  detail: string;
  connectUrl: string | null;
  expiresAt: Date;
  /** Touched so recently that somebody is at it. */
  isFresh: boolean;
}

/** One event of a connection. */
export interface Sign {
  org: string;
  provider: string;
  agent: string | null;
  user: string | null;
  connection: string;
  event: string;
}

interface Told {
  id: string;
  org_id: string;
  agent_id: string;
  user_id: string;
  tool: string;
  provider: string;
  connection_id: string | null;
  reason: WaitingReason;
  state: WaitingState;
  epoch: number;
  request: string | null;
  trace_id: string;
  ended_at: Date | null;
  after_ms: number;
}

/** Longer than a message lives that its worker does not answer for: by then nobody else is at it. */
const FRESH = `interval '15 minutes'`;
/** Waiting and not more, per agent: what is kept for one must not crowd out the others. */
const MOST_PER_AGENT = 1_000;

const PARK = {
  name: 'keyward_park',
  text: 'SELECT outcome, until FROM execution.park($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)',
};
const WAKE = { name: 'keyward_wake', text: 'SELECT * FROM execution.wake_waiting($1, $2, $3, $4, $5, $6, $7, $8)' };
const SWEEP = { name: 'keyward_sweep_waiting', text: 'SELECT * FROM execution.sweep_waiting($1)' };
const PURGE = { name: 'keyward_purge_executions', text: 'SELECT execution.purge($1)::int AS purged' };
const RECENT = { name: 'keyward_recent_cancellations', text: 'SELECT * FROM execution.recent_cancellations()' };

/** Tables execution.waiting and execution.cancellation. */
export class WaitingRows {
  constructor(private readonly dataSource: DataSource) {}

  /** @returns until when it waits; `full`: the agent has as many waiting as it may; `gone`: it is somebody else's, or has ended */
  async park(row: NewWaiting): Promise<Date | 'full' | 'gone'> {
    const [parked] = await prepared<{ outcome: 'waiting' | 'full' | 'gone'; until: Date }>(this.dataSource, PARK, [
      ...[
        row.id,
        row.org,
        row.agent,
        row.user,
        row.tool,
        row.provider,
        row.connection,
        row.reason,
        row.detail,
        row.connectUrl,
        row.request,
      ],
      ...[row.traceId, row.epoch, row.waitMs, row.askedMs, row.lookedMs, MOST_PER_AGENT, row.executionEpoch],
    ]);
    if (parked === undefined) return 'gone';
    return parked.outcome === 'waiting' ? parked.until : parked.outcome;
  }

  async find({ org, agent, execution }: ExecutionAddress): Promise<Standing | undefined> {
    const [row] = await this.query<Omit<Standing, 'connectUrl'> & { connectUrl: string | null }>(
      org,
      `SELECT state, epoch, reason, detail, connect_url AS "connectUrl", expires_at AS "expiresAt", updated_at > now() - ${FRESH} AS "isFresh"
       FROM execution.waiting WHERE org_id = $1 AND agent_id = $2 AND id = $3`,
      [org, agent, execution],
    );
    return row;
  }

  /** This message has it now. False where it is not its any more. */
  async run(org: string, id: string, epoch: number): Promise<boolean> {
    const where = `id = $1 AND epoch = $2 AND state IN ('resuming', 'resumed', 'running')`;
    return this.changes(org, `UPDATE execution.waiting SET state = 'running', updated_at = now() WHERE ${where} RETURNING id`, [
      id,
      epoch,
    ]);
  }

  async published(org: string, id: string, epoch: number): Promise<void> {
    const where = `id = $1 AND epoch = $2 AND state = 'resuming'`;
    await this.query(org, `UPDATE execution.waiting SET state = 'resumed', updated_at = now() WHERE ${where}`, [id, epoch]);
  }

  /** It has come to its end by itself. */
  async remove(org: string, id: string, epoch: number): Promise<void> {
    await this.query(org, `DELETE FROM execution.waiting WHERE id = $1 AND epoch = $2 AND state = 'running'`, [id, epoch]);
  }

  /** What waits ends; of what does not, that it is to end is noted. @returns what has ended */
  cancel({ org, agent, execution }: ExecutionAddress): Promise<WaitingRow | undefined> {
    return withOrg(this.dataSource, org, async (em) => {
      await em.query('INSERT INTO execution.cancellation (org_id, agent_id, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
        ...[org, agent, execution],
      ]);
      const [ended] = await em.query<Told[]>(
        `WITH ended AS (
           UPDATE execution.waiting SET state = 'cancelled', request = NULL, connect_url = NULL, ended_at = now(), updated_at = now()
           WHERE org_id = $1 AND agent_id = $2 AND id = $3 AND state = 'waiting' RETURNING *
         ) SELECT *, date_part('epoch', ended_at - asked_at) * 1000 AS after_ms FROM ended`,
        [org, agent, execution],
      );
      return ended === undefined ? undefined : rowOf(ended);
    });
  }

  /** Everybody who must know of its end does. */
  async told(org: string, id: string): Promise<void> {
    await this.query(org, 'UPDATE execution.waiting SET told_at = now() WHERE id = $1 AND told_at IS NULL', [id]);
  }

  /** @returns `most` of those that these signs, heard so long ago, may have helped: to be sent on their way */
  async wake(signs: readonly Sign[], most: number, heardMs: number): Promise<WaitingRow[]> {
    const column = (name: keyof Sign) => signs.map((sign) => sign[name]);
    const names = ['org', 'provider', 'agent', 'user', 'connection', 'event'] as const;
    return (await prepared<Told>(this.dataSource, WAKE, [...names.map(column), most, heardMs])).map(rowOf);
  }

  /** @returns what nobody else sees to: each is `resuming`, to be sent, or ended, to be told */
  async sweep(most: number): Promise<WaitingRow[]> {
    return (await prepared<Told>(this.dataSource, SWEEP, [most])).map(rowOf);
  }

  /** @returns how many rows of a kind went, `most` meaning that there may be more */
  async purge(most: number): Promise<number> {
    const [row] = await prepared<{ purged: number }>(this.dataSource, PURGE, [most]);
    return row?.purged ?? 0;
  }

  /** Those of the last minutes, of all organizations. */
  async cancellations(): Promise<ExecutionAddress[]> {
    const rows = await prepared<{ org_id: string; agent_id: string; id: string }>(this.dataSource, RECENT, []);
    return rows.map(({ org_id, agent_id, id }) => ({ org: org_id, agent: agent_id, execution: id }));
  }

  private async changes(org: string, text: string, values: unknown[]): Promise<boolean> {
    const changed = await this.query<{ id: string }>(org, `WITH changed AS (${text}) SELECT id FROM changed`, values);
    return changed.length > 0;
  }

  private query<Row>(org: string, text: string, values: unknown[]): Promise<Row[]> {
    return withOrg(this.dataSource, org, (em: EntityManager) => em.query<Row[]>(text, values));
  }
}

function rowOf(told: Told): WaitingRow {
  const { org_id, agent_id, user_id, connection_id, trace_id, ended_at, after_ms, ...same } = told;
  return {
    ...{ id: same.id, tool: same.tool, provider: same.provider, reason: same.reason, state: same.state, epoch: same.epoch },
    ...{ org: org_id, agent: agent_id, user: user_id, connection: connection_id, request: same.request, traceId: trace_id },
    ...{ endedAt: ended_at, afterMs: after_ms },
  };
}
