import { canonicalJson, chainHashOfCanonical, GENESIS_HASH } from '@keyward/audit';
import { KeywardError, type AuditEvent } from '@keyward/contracts';
import { asDatabaseError } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { rollUp } from '../usage/roll-up.js';
import type { Partitions } from './partitions.js';
import type { VerifiedEvent } from './verify-message.js';

export interface AppendOutcome<T> {
  stored: T[];
  /** Recorded before, or twice in this batch. */
  duplicates: T[];
  /** Their id belongs to another event. */
  conflicts: T[];
}

interface Head {
  seq: number;
  hash: Buffer;
}

/** Locks each organization's chain until the end of the transaction, begins one that does not exist. Sorted, so that batches can't deadlock. */
const LOCK_HEADS = `
  INSERT INTO audit.chain_head AS h (org_id, seq, hash)
  SELECT org_id, 0, $2 FROM unnest($1::text[]) AS org_id ORDER BY org_id
  ON CONFLICT (org_id) DO UPDATE SET seq = h.seq
  RETURNING org_id, seq, hash`;

/** The bounds on \`at\` leave the other partitions out. */
const FIND_RECORDED = `SELECT id, body FROM audit.event WHERE id = ANY ($1::text[]) AND at BETWEEN $2::timestamptz AND $3::timestamptz`;

/** $1: a JSON array of the events; $2 … $4 in its order: sequence numbers, previous hashes, hashes. */
const INSERT_EVENTS = `
  INSERT INTO audit.event (org_id, seq, id, at, type, trace_id, agent_id, user_id, tool, state, body, prev_hash, hash)
  SELECT body ->> 'org', seq, body ->> 'id', (body ->> 'at')::timestamptz, body ->> 'type', body ->> 'traceId',
         body ->> 'agent', body ->> 'user', body ->> 'tool', body ->> 'state', body, prev_hash, hash
  FROM ROWS FROM (jsonb_array_elements($1::jsonb), unnest($2::bigint[]), unnest($3::bytea[]), unnest($4::bytea[]))
    AS e (body, seq, prev_hash, hash)`;

const MOVE_HEADS = `
  UPDATE audit.chain_head h SET seq = n.seq, hash = n.hash
  FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS n (org_id, seq, hash) WHERE h.org_id = n.org_id`;

/** SQLSTATE check_violation: also what a row gets that no partition takes. */
const NO_PARTITION = '23514';

/** The one writer of audit.event. */
export class EventStore {
  constructor(
    private readonly database: DataSource,
    private readonly partitions: Partitions,
  ) {}

  /**
   * Appends events to their organizations' chains, all or none, each once however often it comes.
   *
   * @throws KeywardError `dependency_unavailable` where the database can't, now.
   */
  async append<T extends VerifiedEvent>(events: readonly T[]): Promise<AppendOutcome<T>> {
    await this.partitions.ensure(events.map(({ at }) => at));
    try {
      return await this.database.transaction(async (em) => {
        // Not one organization's transaction but the trail's, see the migration's row-level security.
        await em.query(`SET LOCAL keyward.org = '*'`);
        return appendIn(em, events);
      });
    } catch (thrown) {
      throw this.explain(thrown);
    }
  }

  private explain(thrown: unknown): unknown {
    const error = asDatabaseError(thrown) as { code?: unknown; message?: unknown };
    if (error?.code !== NO_PARTITION || !String(error.message).startsWith('no partition of relation')) return error;
    this.partitions.forget();
    return new KeywardError('dependency_unavailable', 'A partition of the trail is missing. It will be made anew.', {
      cause: thrown,
    });
  }
}

async function appendIn<T extends VerifiedEvent>(em: EntityManager, events: readonly T[]): Promise<AppendOutcome<T>> {
  const heads = await lockHeads(em, events);
  const recorded = await findRecorded(em, events);
  const outcome: AppendOutcome<T> = { stored: [], duplicates: [], conflicts: [] };
  for (const entry of events) {
    const before = recorded.get(entry.id);
    recorded.set(entry.id, before ?? entry.canonical);
    const list = before === undefined ? outcome.stored : before === entry.canonical ? outcome.duplicates : outcome.conflicts;
    list.push(entry);
  }
  if (outcome.stored.length > 0) {
    await insert(em, outcome.stored, heads);
    await rollUp(em, outcome.stored);
  }
  return outcome;
}

async function lockHeads(em: EntityManager, events: readonly VerifiedEvent[]): Promise<Map<string, Head>> {
  const orgs = [...new Set(events.map(({ org }) => org))];
  const rows = (await em.query(LOCK_HEADS, [orgs, GENESIS_HASH])) as { org_id: string; seq: string; hash: Buffer }[];
  return new Map(rows.map((row) => [row.org_id, { seq: Number(row.seq), hash: row.hash }]));
}

/** Ids of these events that are in the trail, with the canonical JSON of what they belong to. */
async function findRecorded(em: EntityManager, events: readonly VerifiedEvent[]): Promise<Map<string, string>> {
  const times = events.map(({ at }) => at).sort();
  const parameters = [events.map(({ id }) => id), times.at(0), times.at(-1)];
  const rows = (await em.query(FIND_RECORDED, parameters)) as { id: string; body: AuditEvent }[];
  return new Map(rows.map(({ id, body }) => [id, canonicalJson(body)]));
}

async function insert(em: EntityManager, events: readonly VerifiedEvent[], heads: Map<string, Head>): Promise<void> {
  const [seqs, prevHashes, hashes]: [number[], Buffer[], Buffer[]] = [[], [], []];
  const moved = new Map<string, Head>();
  for (const { org, canonical } of events) {
    const head = moved.get(org) ?? heads.get(org);
    if (head === undefined) throw new Error('the chain of an organization is not locked');
    const next = { seq: head.seq + 1, hash: chainHashOfCanonical(head.hash, canonical) };
    moved.set(org, next);
    seqs.push(next.seq);
    prevHashes.push(head.hash);
    hashes.push(next.hash);
  }
  const bodies = `[${events.map(({ canonical }) => canonical).join(',')}]`;
  await em.query(INSERT_EVENTS, [bodies, seqs, prevHashes, hashes]);
  const ends = [...moved.values()];
  await em.query(MOVE_HEADS, [[...moved.keys()], ends.map(({ seq }) => seq), ends.map(({ hash }) => hash)]);
}
