import type { ConnectionStatus } from '@keyward/contracts';
import { outboxColumns, prepared, type OutgoingMessage } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { Claim, ClaimRequest, DueRequest, FailedRefresh, RefreshableCredential, SendingIntent } from './credential-types.js';
import { REFRESHABLE_COLUMNS, toRefreshable, type RefreshableRow } from './refreshable-row.js';
import { isDone, type Done } from './sql.js';

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

export async function begin(ds: DataSource, intent: SendingIntent): Promise<boolean> {
  const { org, connection, owner, generation, needMs } = intent;
  return isDone(await prepared<Done>(ds, BEGIN, [org, connection, owner, generation, needMs]));
}

const RELEASE = {
  name: 'vault.release_refresh',
  text: 'SELECT vault.release_refresh($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS done',
};

export async function releaseFailed(
  ds: DataSource,
  failure: FailedRefresh,
  messages: readonly OutgoingMessage[],
): Promise<boolean> {
  const { org, connection, owner, generation, retryInMs, maybeRedeemed, counts = true } = failure;
  const values = [org, connection, owner, generation, retryInMs, maybeRedeemed, counts, ...outboxColumns(messages)];
  return isDone(await prepared<Done>(ds, RELEASE, values));
}
