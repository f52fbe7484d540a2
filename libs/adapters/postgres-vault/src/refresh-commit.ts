import { KeywardError } from '@keyward/contracts';
import { outboxColumns, prepared, wakeRelay, type OutgoingMessage } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { Change, Done } from './change.js';
import type { Reauthorization, RefreshCommit } from './credential-types.js';
import { RoundTrips } from './round-trips.js';

const COMMIT = {
  name: 'vault.commit_refresh',
  text: `SELECT vault.commit_refresh($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) AS done`,
};
/** Of several it is one that is waited for, and the others could go on. */
const COMMIT_TOGETHER = {
  name: 'vault.commit_refresh of many',
  text: `WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '250ms', true))
         SELECT vault.commit_refresh(q.org, q.connection, q.generation, q.sealed_access, q.sealed_refresh, q.renewable,
                  q.access_expires_in_ms, q.refresh_in_ms, q.awake_refresh_in_ms, q.refresh_expires_in_ms,
                  CASE WHEN q.scopes IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(q.scopes::jsonb)) END, q.parameters::jsonb,
                  q.failures, ($14::text[])[q.first:q.last], ($15::text[])[q.first:q.last], ($16::text[])[q.first:q.last],
                  ($17::bytea[])[q.first:q.last]) AS done
         FROM patience, unnest($1::text[], $2::text[], $3::integer[], $4::bytea[], $5::bytea[], $6::boolean[], $7::double precision[],
                $8::double precision[], $9::double precision[], $10::double precision[], $11::text[], $12::text[], $13::integer[],
                $18::integer[], $19::integer[])
              WITH ORDINALITY AS q (org, connection, generation, sealed_access, sealed_refresh, renewable, access_expires_in_ms,
                refresh_in_ms, awake_refresh_in_ms, refresh_expires_in_ms, scopes, parameters, failures, first, last, place)
         ORDER BY q.place`,
};

interface Stored {
  refresh: RefreshCommit;
  messages: readonly OutgoingMessage[];
  /** Of `performance.now()`: its times count from then. */
  askedAt: number;
}

/** Of one commit of several: what it came to, or what is to come of it. */
interface Kept {
  kept: boolean | Promise<boolean>;
}

/**
 * Between redeeming a refresh token and keeping its successor there is as little as can be: one statement, messages included. Answers that
 * come at the same time share it, the transaction and its way to the disk. Where one of them keeps the others from being kept, each is
 * kept alone: the transaction of all has left nothing.
 */
export function commitTogether(
  ds: DataSource,
): (refresh: RefreshCommit, messages: readonly OutgoingMessage[]) => Promise<boolean> {
  const trips = new RoundTrips<Stored, Kept>(async (commits) => {
    try {
      return await together(ds, commits);
    } catch (error) {
      if (!isOfOne(error)) throw error;
      return commits.map((one) => ({ kept: alone(ds, one) }));
    }
  });
  return async (refresh, messages) => {
    const { kept } = await trips.answer({ refresh, messages, askedAt: performance.now() });
    return kept;
  };
}

async function alone(ds: DataSource, one: Stored): Promise<boolean> {
  const [row] = await prepared<Done>(ds, COMMIT, [...columnsOf(one), ...outboxColumns(one.messages)]);
  const kept = row?.done === true;
  if (kept) wakeRelay(ds);
  return kept;
}

async function together(ds: DataSource, commits: readonly Stored[]): Promise<Kept[]> {
  // In the order of the ids, as everywhere where several are locked, so that nobody waits in a circle.
  const ordered = commits.toSorted((a, b) => (a.refresh.connection < b.refresh.connection ? -1 : 1));
  const rows = ordered.map(columnsOf);
  const columns = rows[0]?.map((_, index) => rows.map((row) => row[index])) ?? [];
  const lasts: number[] = [];
  for (const { messages } of ordered) lasts.push((lasts.at(-1) ?? 0) + messages.length);
  const firsts = ordered.map(({ messages }, index) => (lasts[index] ?? 0) - messages.length + 1);
  const scopes = ordered.map(({ refresh }) => (refresh.scopes === undefined ? null : JSON.stringify(refresh.scopes)));
  const values = [...columns.with(SCOPES, scopes), ...outboxColumns(ordered.flatMap(({ messages }) => messages)), firsts, lasts];
  const done = await prepared<Done>(ds, COMMIT_TOGETHER, values);
  wakeRelay(ds);
  const answers = new Map(ordered.map((one, index) => [one, done[index]?.done === true]));
  return commits.map((one) => ({ kept: answers.get(one) === true }));
}

const SCOPES = 10;

/** What the function takes before the messages. */
function columnsOf({ refresh, askedAt }: Stored): unknown[] {
  const { org, connection, generation, sealedAccess, sealedRefresh, renewable, scopes = null, parameters = {} } = refresh;
  const { accessExpiresInMs, refreshInMs, awakeRefreshInMs, refreshExpiresInMs, failures = 0 } = refresh;
  const waitedMs = performance.now() - askedAt;
  const times = [accessExpiresInMs, refreshInMs, awakeRefreshInMs, refreshExpiresInMs];
  return [
    ...[org, connection, generation, sealedAccess, sealedRefresh, renewable],
    ...times.map((ms) => (ms === null ? null : ms - waitedMs)),
    ...[scopes, JSON.stringify(parameters), failures],
  ];
}

/** Not the database's fault, or that of a lock which one of them waits for; SQLSTATE lock_not_available, deadlock_detected. */
export function isOfOne(error: unknown): boolean {
  if (!(error instanceof KeywardError)) return true;
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return code === '55P03' || code === '40P01';
}

const GIVE_UP = {
  name: 'vault.give_up_refresh',
  text: 'SELECT vault.give_up_refresh($1, $2, $3, $4, $5, $6, $7, $8) AS done',
};

export function markNeedsReauthorization(
  change: Change,
  { org, connection, generation, reason }: Reauthorization,
  messages: readonly OutgoingMessage[],
): Promise<boolean> {
  return change(GIVE_UP, [org, connection, generation, reason], messages);
}
