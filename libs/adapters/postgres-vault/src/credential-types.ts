import type { ConnectionStatus } from '@keyward/contracts';
import type { EntityManager } from 'typeorm';

/** Runs inside the transaction that changes the row: outbox and audit rows written here are true exactly when the change is. */
export type Also = (em: EntityManager) => Promise<void>;

export interface SealedTokens {
  sealedAccess: Buffer;
  /** null: the provider gave none. After a refresh whose answer holds none, the old one must be sealed again for the new generation. */
  sealedRefresh: Buffer | null;
  accessExpiresAt: Date | null;
  /** When to refresh before expiry; null: never by the clock. */
  refreshAt: Date | null;
}

export interface AuthorizedCredential extends SealedTokens {
  org: string;
  connection: string;
  /** `currentGeneration()` + 1: what the tokens were sealed for. */
  generation: number;
  /** As granted. */
  scopes: string[];
}

export interface DueCredential {
  org: string;
  connection: string;
  /** What the lease intends to redeem. */
  generation: number;
  /** An earlier holder took up this very generation and was not heard of again: its refresh token may be spent. */
  staleIntent: boolean;
}

export interface ClaimRequest {
  org: string;
  connection: string;
  /** A generation above this satisfies the asker without a refresh. */
  newerThan: number;
  owner: string;
  leaseMs: number;
}

export type Claim =
  | { outcome: 'claimed'; generation: number; staleIntent: boolean }
  | { outcome: 'newer'; generation: number }
  /** Another process refreshes it now; ask again then. */
  | { outcome: 'busy'; leaseUntil: Date }
  /** No such connection, not active, or nothing to refresh with. */
  | { outcome: 'not_refreshable'; status: ConnectionStatus | null };

export interface RefreshableCredential {
  org: string;
  connection: string;
  agent: string;
  user: string;
  provider: string;
  alias: string;
  status: ConnectionStatus;
  scopes: string[];
  generation: number;
  sealedAccess: Buffer;
  sealedRefresh: Buffer | null;
  accessExpiresAt: Date | null;
  refreshAt: Date | null;
  /** Failed attempts in a row. */
  failures: number;
  leaseOwner: string | null;
  providerApp: { id: string; clientId: string; sealedSecret: Buffer | null; generation: number };
}

export interface RefreshCommit extends SealedTokens {
  org: string;
  connection: string;
  /** The generation that was redeemed; stored becomes this plus 1. */
  generation: number;
  /** Left out: as they were. */
  scopes?: string[];
}

export interface FailedRefresh {
  org: string;
  connection: string;
  owner: string;
  generation: number;
  /** When to try again; the token that is stored keeps being served until it expires. */
  retryAt: Date;
  /** True when it is unknown whether the token endpoint redeemed the token: the intent stays visible to the next claim. */
  maybeRedeemed: boolean;
}

export interface Reauthorization {
  org: string;
  connection: string;
  /** Only if this is still the stored generation: a newer one has made the reason moot. */
  generation: number;
  reason: string;
}
