import { KeywardError, type ConnectionStatus } from '@keyward/contracts';
import type { RefreshableCredential } from '@keyward/postgres-vault';

/**
 * Why a connection can not be refreshed, to whoever asked.
 * @param status null: there is none, also where it is another organization's
 */
export function unavailable(status: ConnectionStatus | null): KeywardError {
  if (status === null) return new KeywardError('not_found', 'There is no such connection.');
  if (status === 'revoked') return new KeywardError('revoked', 'The connection was disconnected.');
  return new KeywardError('needs_reauthorization', 'The connection must be authorized again.');
}

export function withRetryAfter(error: KeywardError, retryAfterMs: number): KeywardError {
  return new KeywardError(error.code, error.message, { cause: error.cause, details: { ...error.details, retryAfterMs } });
}

/** Whose credential it is, in every line of the log. */
export function fieldsOf(row: RefreshableCredential) {
  return {
    org: row.org,
    connection: row.connection,
    provider: row.provider,
    agent_id: row.agent,
    user_id: row.user,
    generation: row.generation,
  };
}
