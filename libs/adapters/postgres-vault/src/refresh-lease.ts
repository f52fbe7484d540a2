import type { ConnectionStatus } from '@keyward/contracts';
import { prepared, type OutgoingMessage } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { Claim, ClaimRequest, DueRequest, FailedRefresh, RefreshableCredential, SendingIntent } from './credential-types.js';
import { REFRESHABLE_COLUMNS, toRefreshable, type RefreshableRow } from './refreshable-row.js';
import type { Change, Done } from './change.js';
import { isOfOne } from './refresh-commit.js';
import { RoundTrips } from './round-trips.js';

const CLAIM_DUE = {
  name: 'vault.claim_due',
  text: `SELECT ${REFRESHABLE_COLUMNS} FROM vault.claim_due($1, $2, $3, $4, $5)`,
};

export async function claimDue(ds: DataSource, { owner, leaseMs, limit, rooms }: DueRequest): Promise<RefreshableCredential[]> {
  const readAt = performance.now();
  const providers = rooms.map(({ provider }) => provider);
  const values = [owner, leaseMs, limit, providers, rooms.map(({ room }) => room)];
  const due = await prepared<RefreshableRow>(ds, CLAIM_DUE, values);
  return due.map((row) => toRefreshable(row, readAt));
}

interface LookedUp {
  outcome: Claim['outcome'];
  found_status: ConnectionStatus | null;
  found_generation: number;
  wait_ms: number;
  app_rejected: boolean;
}

const CLAIM = {
  name: 'vault.claim_refresh',
  text: `SELECT q.outcome, q.status AS found_status, q.generation AS found_generation, q.wait_ms, q.app_rejected, (q.credential).*
         FROM vault.claim_refresh($1, $2, $3, $4, $5) q`,
};

export async function claim(ds: DataSource, request: ClaimRequest): Promise<Claim> {
  const { org, connection, newerThan, owner, leaseMs } = request;
  const readAt = performance.now();
  const [row] = await prepared<LookedUp & RefreshableRow>(ds, CLAIM, [org, connection, newerThan, owner, leaseMs]);
  if (row === undefined) throw new TypeError('the function answers one row');
  switch (row.outcome) {
    case 'claimed':
      return { outcome: 'claimed', credential: toRefreshable(row, readAt) };
    case 'newer':
      return { outcome: 'newer', generation: row.found_generation };
    case 'busy':
      return { outcome: 'busy', leaseLeftMs: row.wait_ms };
    case 'backing_off':
      return { outcome: 'backing_off', retryInMs: row.wait_ms, appRejected: row.app_rejected };
    case 'unavailable':
      return { outcome: 'unavailable', status: row.found_status };
  }
}

const BEGIN = { name: 'vault.begin_refresh', text: 'SELECT vault.begin_refresh($1, $2, $3, $4, $5) AS done' };
/** Of several it is one that is waited for, and the others could go on. */
const BEGIN_TOGETHER = {
  name: 'vault.begin_refresh of many',
  text: `WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '250ms', true))
         SELECT vault.begin_refresh(q.org, q.connection, q.owner, q.generation, q.need_ms) AS done
         FROM patience, unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::double precision[])
              WITH ORDINALITY AS q (org, connection, owner, generation, need_ms, place)
         ORDER BY q.place`,
};

/** Of one intent of several: whether it is allowed, or what is to come of it. */
interface Begun {
  begun: boolean | Promise<boolean>;
}

/**
 * Requests that are about to be sent at the same time share the round trip that records them. Where one of them waits for its row, each is
 * recorded alone: the transaction of all has left nothing.
 */
export function beginTogether(ds: DataSource): (intent: SendingIntent) => Promise<boolean> {
  const trips = new RoundTrips<SendingIntent, Begun>(async (intents) => {
    try {
      return await together(ds, intents);
    } catch (error) {
      if (!isOfOne(error)) throw error;
      return intents.map((intent) => ({ begun: alone(ds, intent) }));
    }
  });
  return async (intent) => (await trips.answer(intent)).begun;
}

async function together(ds: DataSource, intents: readonly SendingIntent[]): Promise<Begun[]> {
  // In the order of the ids, as everywhere where several are locked, so that nobody waits in a circle.
  const ordered = intents.toSorted((a, b) => (a.connection < b.connection ? -1 : 1));
  const done = await prepared<Done>(ds, BEGIN_TOGETHER, [
    ordered.map(({ org }) => org),
    ordered.map(({ connection }) => connection),
    ordered.map(({ owner }) => owner),
    ordered.map(({ generation }) => generation),
    ordered.map(({ needMs }) => needMs),
  ]);
  const answers = new Map(ordered.map((intent, index) => [intent, done[index]?.done === true]));
  return intents.map((intent) => ({ begun: answers.get(intent) === true }));
}

async function alone(ds: DataSource, { org, connection, owner, generation, needMs }: SendingIntent): Promise<boolean> {
  const [row] = await prepared<Done>(ds, BEGIN, [org, connection, owner, generation, needMs]);
  return row?.done === true;
}

const RELEASE = {
  name: 'vault.release_refresh',
  text: 'SELECT vault.release_refresh($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS done',
};

export function releaseFailed(change: Change, failure: FailedRefresh, messages: readonly OutgoingMessage[]): Promise<boolean> {
  const { org, connection, owner, generation, retryInMs, maybeRedeemed, counts = true } = failure;
  return change(RELEASE, [org, connection, owner, generation, retryInMs, maybeRedeemed, counts], messages);
}
