import type { OutgoingMessage } from '@keyward/postgres';
import type { Change } from './change.js';
import type { Reauthorization, RefreshCommit } from './credential-types.js';

const COMMIT = {
  name: 'vault.commit_refresh',
  text: `SELECT vault.commit_refresh($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) AS done`,
};

/** Between redeeming a refresh token and keeping its successor there is as little as can be: one statement, messages included. */
export function commit(change: Change, refresh: RefreshCommit, messages: readonly OutgoingMessage[]): Promise<boolean> {
  const { org, connection, generation, sealedAccess, sealedRefresh, renewable, scopes = null, parameters = {} } = refresh;
  const { accessExpiresInMs, refreshInMs, awakeRefreshInMs, refreshExpiresInMs, failures = 0 } = refresh;
  const values = [
    ...[org, connection, generation, sealedAccess, sealedRefresh, renewable],
    ...[accessExpiresInMs, refreshInMs, awakeRefreshInMs, refreshExpiresInMs],
    ...[scopes, JSON.stringify(parameters), failures],
  ];
  return change(COMMIT, values, messages);
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
