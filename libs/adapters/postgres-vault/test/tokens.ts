import { randomBytes } from 'node:crypto';
import type { AuthorizedCredential, RefreshCommit, SealedTokens } from '../src/index.js';
import type { SeededConnection } from './vault-database.js';

/** Due at once, in service for an hour. */
function tokens(): SealedTokens {
  return {
    sealedAccess: randomBytes(90),
    sealedRefresh: randomBytes(90),
    renewable: true,
    accessExpiresInMs: 3_600_000,
    refreshInMs: -60_000,
    awakeRefreshInMs: -60_000,
    refreshExpiresInMs: null,
  };
}

type Ref = Pick<SeededConnection, 'org' | 'connection'>;

export function authorizedTokens({ org, connection }: Ref, generation: number): AuthorizedCredential {
  return { org, connection, generation, scopes: ['notes:read'], ...tokens() };
}

export function refreshedTokens({ org, connection }: Ref, generation: number): RefreshCommit {
  return { org, connection, generation, ...tokens() };
}
