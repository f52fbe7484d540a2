import type { ConnectionKind, ConnectionStatus } from '@keyward/contracts';
import type { TokenTimes } from '@keyward/oauth';

/* No moment goes in or comes out: the database's clock is the only one, so all times are milliseconds from its now; negative: past. */

export interface SealedTokens extends TokenTimes {
  sealedAccess: Buffer;
  /**
   * What the next token is had with: a refresh token, the subject token of an exchange, the private key of a signed JWT. Null: the provider
   * gave none, or the grant needs none. After a renewal that brings none, the old one must be sealed again for the new generation.
   */
  sealedRefresh: Buffer | null;
  /** Whether there is a way to the next token without the person. */
  renewable: boolean;
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

export interface StoredAuthorization {
  /** How long a person was asked for it; null: nobody was. */
  reauthorizedAfterMs: number | null;
}

export interface DueRequest {
  owner: string;
  leaseMs: number;
  /** How many at most, over all providers. */
  limit: number;
  /** How many of a provider at most; 0: none for now. Providers that are not named have room. */
  rooms: readonly ProviderRoom[];
}

export interface ProviderRoom {
  provider: string;
  room: number;
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
  | { outcome: 'claimed'; credential: RefreshableCredential }
  | { outcome: 'newer'; generation: number }
  /** Another holder refreshes it now. */
  | { outcome: 'busy'; leaseLeftMs: number }
  /** It failed just now, or (`appRejected`) the provider rejects the registration: left alone for so long. */
  | { outcome: 'backing_off'; retryInMs: number; appRejected: boolean }
  /** No such connection (null), not active, or nothing to refresh with. */
  | { outcome: 'unavailable'; status: ConnectionStatus | null };

/** Everything that a refresh needs to know. Times are from when the database answered, which `readAt` bounds. */
export interface RefreshableCredential extends TokenTimes {
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
  /** Since this generation was stored. */
  obtainedMsAgo: number;
  /** Since anybody used the connection. */
  unusedMs: number;
  /** Since a token request of this generation was first begun whose answer is not known; null: none was. */
  sentMsAgo: number | null;
  /** Failed attempts in a row. */
  failures: number;
  leaseOwner: string | null;
  /** `performance.now()` from before the database was asked: what has passed since then is never less than what has passed there. */
  readAt: number;
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
  /** Since the provider rejects it; null: it does not. */
  rejectedMsAgo: number | null;
  /** Attempts in a row with which it was rejected. */
  rejections: number;
}

/** A lease on one generation of one credential. */
export interface LeaseRef {
  org: string;
  connection: string;
  owner: string;
  generation: number;
}

export interface SendingIntent extends LeaseRef {
  /** What the lease must last for still: the request, and storing its answer. */
  needMs: number;
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

export interface FailedRefresh extends LeaseRef {
  /** When to try again; the token that is stored keeps being served until it expires. */
  retryInMs: number;
  /** Unknown whether the token endpoint redeemed a token that it takes only once: that it was sent stays visible to the next claim. */
  maybeRedeemed: boolean;
  /** Whether it is one of the failures in a row, which keep askers waiting; default true. */
  counts?: boolean;
}

export interface Reauthorization {
  org: string;
  connection: string;
  /** Only if this is still the stored generation: a newer one has made the reason moot. */
  generation: number;
  reason: string;
}

export interface AppRejection {
  org: string;
  app: string;
  /** Of the registration that was rejected: one that has replaced it is not to blame. */
  generation: number;
  /** As it was read with the credential: of many requests that are rejected at once, one counts. */
  rejections: number;
  reason: string;
  retryInMs: number;
}

export interface AppRef {
  org: string;
  app: string;
}

export interface TurnRequest {
  /** Names the token endpoint, for all replicas. */
  lane: string;
  perMinute: number;
  wanted: number;
}

export interface Turns {
  /** No more than were wanted. */
  granted: number;
  /** Until there is one more; 0 where all that were wanted were granted. */
  waitMs: number;
}
