import type { ConnectionKind, ConnectionStatus } from '@keyward/contracts';
import type { EntityManager } from 'typeorm';

/** Runs inside the transaction that changes the row: outbox and audit rows written here are true exactly when the change is. */
export type Also = (em: EntityManager) => Promise<void>;

export interface SealedTokens {
  sealedAccess: Buffer;
  /**
   * What the next token is had with: a refresh token, the subject token of an exchange, the private key of a signed JWT. Null: the provider
   * gave none, or the grant needs none. After a renewal that brings none, the old one must be sealed again for the new generation.
   */
  sealedRefresh: Buffer | null;
  /** Whether there is a way to the next token without the person. */
  renewable: boolean;
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
  /** `${connection.…}` of the manifest. Left out: as they were. */
  parameters?: Record<string, string>;
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
  kind: ConnectionKind;
  /** Null of a workspace connection, as is the user. */
  agent: string | null;
  user: string | null;
  provider: string;
  alias: string;
  status: ConnectionStatus;
  /** As granted. */
  scopes: string[];
  /** As asked for in the latest authorization; the granted ones where none is on record. */
  requestedScopes: string[];
  /** `${connection.…}` of the manifest. */
  parameters: Record<string, string>;
  generation: number;
  sealedAccess: Buffer;
  sealedRefresh: Buffer | null;
  renewable: boolean;
  /** When this generation was stored. */
  obtainedAt: Date;
  accessExpiresAt: Date | null;
  refreshAt: Date | null;
  /** Failed attempts in a row. */
  failures: number;
  leaseOwner: string | null;
  /** Null where the kind of grant needs no registration. */
  providerApp: StoredProviderApp | null;
}

export interface StoredProviderApp {
  orgId: string;
  id: string;
  clientId: string;
  sealedSecret: Buffer | null;
  sealedKey: Buffer | null;
  /** PEM. */
  certificate: string | null;
  /** `${app.…}` of the manifest. */
  parameters: Record<string, string>;
  /** What a discovered authorization server says of itself (RFC 8414). */
  metadata: Record<string, unknown> | null;
  generation: number;
}

export interface RefreshCommit extends SealedTokens {
  org: string;
  connection: string;
  /** The generation that was redeemed; stored becomes this plus 1. */
  generation: number;
  /** Left out: as they were. */
  scopes?: string[];
  /** Connection parameters that the answer told anew; those it does not name stay as they were. */
  parameters?: Record<string, string>;
  /** Attempts that failed in a row, this one among them, where what is stored is new renewal material and no new access token. Default 0. */
  failures?: number;
}

export interface FailedRefresh {
  org: string;
  connection: string;
  owner: string;
  generation: number;
  /** When to try again; the token that is stored keeps being served until it expires. */
  retryAt: Date;
  /** True when it is unknown whether the token endpoint redeemed a token that it takes only once: the intent stays visible to the next claim. */
  maybeRedeemed: boolean;
}

export interface Reauthorization {
  org: string;
  connection: string;
  /** Only if this is still the stored generation: a newer one has made the reason moot. */
  generation: number;
  reason: string;
}
