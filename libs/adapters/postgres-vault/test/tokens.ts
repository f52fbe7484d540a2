import { randomBytes } from 'node:crypto';
import type { AuthorizedCredential, RefreshCommit, SealedTokens } from '../src/index.js';
import type { SeededConnection } from './vault-database.js';

/** Due at once. */
const PAST = new Date('2020-01-01T00:00:00Z');

function tokens(): SealedTokens {
  return {
    sealedAccess: randomBytes(90),
    sealedRefresh: randomBytes(90),
    renewable: true,
    accessExpiresAt: new Date('2030-01-01'),
    refreshAt: PAST,
  };
}

export function authorizedTokens({ org, connection }: SeededConnection, generation: number): AuthorizedCredential {
  return { org, connection, generation, scopes: ['notes:read'], ...tokens() };
}

export function refreshedTokens({ org, connection }: SeededConnection, generation: number): RefreshCommit {
  return { org, connection, generation, ...tokens() };
}
