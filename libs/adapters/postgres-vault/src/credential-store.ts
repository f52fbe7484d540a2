import type { OutgoingMessage } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { currentGeneration, load, storeAuthorized } from './credential-rows.js';
import type {
  AppRef,
  AppRejection,
  AuthorizedCredential,
  Claim,
  ClaimRequest,
  DueRequest,
  FailedRefresh,
  Reauthorization,
  RefreshableCredential,
  RefreshCommit,
  SendingIntent,
  StoredAuthorization,
  TurnRequest,
  Turns,
} from './credential-types.js';
import { acceptApp, rejectApp } from './app-rejection.js';
import { changeOver } from './change.js';
import { commitTogether, markNeedsReauthorization } from './refresh-commit.js';
import { beginTogether, claim, claimDue, releaseFailed } from './refresh-lease.js';
import { takeTurns } from './refresh-pace.js';

/**
 * Credentials and their refresh (docs/ARCHITECTURE.md, "A refresh"). Every change is fenced by the generation: whoever comes late with
 * an older one changes nothing. Each method is one statement and one round trip, except where it is given a transaction. Messages are
 * written with the change, in their order, and only if it was made.
 */
export interface CredentialStore {
  /** 0 while the connection has no credential. */
  currentGeneration(org: string, connection: string): Promise<number>;
  /**
   * Stores what a person authorized and makes the connection active, in the caller's transaction.
   * @returns null, and nothing is changed, when the generation is not the next one or the connection is revoked: seal again.
   */
  storeAuthorized(em: EntityManager, credential: AuthorizedCredential): Promise<StoredAuthorization | null>;
  /**
   * Leases due credentials of all organizations: in turn over providers, then over organizations, then by expiry. Those of a registration
   * that is rejected wait, but for one where it is time to try it again. Writing the lease proves the store writable before a refresh
   * token is spent.
   */
  claimDue(request: DueRequest): Promise<RefreshableCredential[]>;
  /** Leases one credential that somebody wants to use, due or not. */
  claim(request: ClaimRequest): Promise<Claim>;
  load(org: string, connection: string): Promise<RefreshableCredential | null>;
  /**
   * Records, before a token request is sent, that it is. Repeated under the same lease it says the same.
   * @returns false, and nothing may be sent, where the lease is lost or too short, or the connection is not active any more.
   */
  begin(intent: SendingIntent): Promise<boolean>;
  /**
   * Compare-and-swap on the generation; the lease is not asked for, so an answer that comes after a lost lease is still kept if it is the
   * next. A connection that waited for a new authorization is active again.
   * @returns false, and nothing is changed, when the stored generation is another or the connection is revoked.
   */
  commit(refresh: RefreshCommit, messages: readonly OutgoingMessage[]): Promise<boolean>;
  /** Gives the lease back and waits. @returns false when the lease was lost, which somebody else has now or had. */
  releaseFailed(failure: FailedRefresh, messages: readonly OutgoingMessage[]): Promise<boolean>;
  /** active → needs_reauthorization, and nothing refreshes it any more. @returns false when the generation or the status is another. */
  markNeedsReauthorization(reauthorization: Reauthorization, messages: readonly OutgoingMessage[]): Promise<boolean>;
  /**
   * The provider rejects a registration: its connections wait until `retryInMs` have passed.
   * @returns first: it was accepted until now, and the messages were written. again: also of one that was replaced meanwhile.
   */
  rejectApp(rejection: AppRejection, messages: readonly OutgoingMessage[]): Promise<'first' | 'again'>;
  /** Its connections go on, spread over a minute. @returns false, and nothing was written, where it was not rejected. */
  acceptApp(app: AppRef, messages: readonly OutgoingMessage[]): Promise<boolean>;
  /** Token requests to one lane over all replicas, no more per minute than are declared and no more at once than fall to a second. */
  takeTurns(request: TurnRequest): Promise<Turns>;
}

export function createCredentialStore(dataSource: DataSource): CredentialStore {
  const change = changeOver(dataSource);
  return {
    currentGeneration: (org, connection) => currentGeneration(dataSource, org, connection),
    storeAuthorized,
    claimDue: (request) => claimDue(dataSource, request),
    claim: (request) => claim(dataSource, request),
    load: (org, connection) => load(dataSource, org, connection),
    begin: beginTogether(dataSource),
    commit: commitTogether(dataSource),
    releaseFailed: (failure, messages) => releaseFailed(change, failure, messages),
    markNeedsReauthorization: (reauthorization, messages) => markNeedsReauthorization(change, reauthorization, messages),
    rejectApp: (rejection, messages) => rejectApp(change, rejection, messages),
    acceptApp: (app, messages) => acceptApp(change, app, messages),
    takeTurns: (request) => takeTurns(dataSource, request),
  };
}
