import type { DataSource, EntityManager } from 'typeorm';
import { currentGeneration, load, storeAuthorized } from './credential-rows.js';
import type {
  Also,
  AuthorizedCredential,
  Claim,
  ClaimRequest,
  DueCredential,
  FailedRefresh,
  Reauthorization,
  RefreshableCredential,
  RefreshCommit,
} from './credential-types.js';
import { commit, markNeedsReauthorization } from './refresh-commit.js';
import { claim, claimDue, releaseFailed } from './refresh-lease.js';

/**
 * Credentials and their refresh (docs/ARCHITECTURE.md, "A refresh"). Every change is fenced by the generation: whoever comes late with
 * an older one changes nothing. Each method is one transaction of its own, except where it is given one.
 */
export interface CredentialStore {
  /** 0 while the connection has no credential. */
  currentGeneration(org: string, connection: string): Promise<number>;
  /**
   * Stores what a person authorized and makes the connection active, in the caller's transaction.
   * @returns false, and nothing is changed, when the generation is not the next one or the connection is revoked: seal again.
   */
  storeAuthorized(em: EntityManager, credential: AuthorizedCredential): Promise<boolean>;
  /** Leases due credentials of all organizations. Writing the lease proves the store writable before a refresh token is spent. */
  claimDue(owner: string, leaseMs: number, limit: number): Promise<DueCredential[]>;
  /** Leases one credential, due or not. */
  claim(request: ClaimRequest): Promise<Claim>;
  load(org: string, connection: string): Promise<RefreshableCredential | null>;
  /**
   * Compare-and-swap on the generation; the lease is not asked for, so an answer that comes after a lost lease is still kept if it is the
   * next. A connection that waited for a new authorization is active again. `also` runs in the same transaction, only if it was stored.
   * @returns false, and nothing is changed, when the stored generation is another or the connection is revoked.
   */
  commit(refresh: RefreshCommit, also?: Also): Promise<boolean>;
  /** Gives the lease back and waits until `retryAt`. @returns false when the lease was lost, which somebody else has now or had. */
  releaseFailed(failure: FailedRefresh, also?: Also): Promise<boolean>;
  /** active → needs_reauthorization, and nothing refreshes it any more. @returns false when the generation or the status is another. */
  markNeedsReauthorization(reauthorization: Reauthorization, also?: Also): Promise<boolean>;
}

export function createCredentialStore(dataSource: DataSource): CredentialStore {
  return {
    currentGeneration: (org, connection) => currentGeneration(dataSource, org, connection),
    storeAuthorized,
    claimDue: (owner, leaseMs, limit) => claimDue(dataSource, owner, leaseMs, limit),
    claim: (request) => claim(dataSource, request),
    load: (org, connection) => load(dataSource, org, connection),
    commit: (refresh, also) => commit(dataSource, refresh, also),
    releaseFailed: (failure, also) => releaseFailed(dataSource, failure, also),
    markNeedsReauthorization: (reauthorization, also) => markNeedsReauthorization(dataSource, reauthorization, also),
  };
}
