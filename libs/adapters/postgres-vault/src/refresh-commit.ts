import { outboxColumns, prepared, type OutgoingMessage } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { Reauthorization, RefreshCommit } from './credential-types.js';
import { isDone, type Done } from './sql.js';

const COMMIT = {
  name: 'vault.commit_refresh',
  text: `SELECT vault.commit_refresh($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) AS done`,
};

/** Between redeeming a refresh token and keeping its successor there is as little as can be: one statement, messages included. */
export async function commit(ds: DataSource, refresh: RefreshCommit, messages: readonly OutgoingMessage[]): Promise<boolean> {
  const { org, connection, generation, sealedAccess, sealedRefresh, renewable, scopes = null, parameters = {} } = refresh;
  const { accessExpiresInMs, refreshInMs, awakeRefreshInMs, refreshExpiresInMs, failures = 0 } = refresh;
  const values = [
    ...[org, connection, generation, sealedAccess, sealedRefresh, renewable],
    ...[accessExpiresInMs, refreshInMs, awakeRefreshInMs, refreshExpiresInMs],
    ...[scopes, JSON.stringify(parameters), failures],
    ...outboxColumns(messages),
  ];
  return isDone(await prepared<Done>(ds, COMMIT, values));
}

const GIVE_UP = {
  name: 'vault.give_up_refresh',
  text: 'SELECT vault.give_up_refresh($1, $2, $3, $4, $5, $6, $7, $8) AS done',
};

export async function markNeedsReauthorization(
  ds: DataSource,
  { org, connection, generation, reason }: Reauthorization,
  messages: readonly OutgoingMessage[],
): Promise<boolean> {
  return isDone(await prepared<Done>(ds, GIVE_UP, [org, connection, generation, reason, ...outboxColumns(messages)]));
}
