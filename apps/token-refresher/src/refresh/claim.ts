import type { KeywardError } from '@keyward/contracts';
import type { RefreshableCredential } from '@keyward/postgres-vault';
import type { Priority } from '../lanes/lane.js';

/** A lease on one generation of one credential: while it lasts, nobody else redeems its refresh token. */
export interface Claim {
  /** Names this lease in the store, and no other: what this process holds anew is not what it held before. */
  owner: string;
  /** As it was when the lease was taken: active and renewable. */
  row: RefreshableCredential;
  /** On the clock of `performance.now()`: no later than the lease ends in the database. */
  endsAt: number;
  priority: Priority;
  /** The provider has refused the access token already: there is nothing left to keep in service. */
  accessRejected: boolean;
}

/**
 * `refreshed` holds for whoever did it: the stored generation is this one now. `postponed`: nothing is wrong and nothing was sent; who can
 * wait longer tries again.
 */
export type Outcome =
  | { kind: 'refreshed'; generation: number }
  | { kind: 'failed'; error: KeywardError }
  | { kind: 'postponed'; error: KeywardError; retryInMs: number };

/** Names for leases, each used once. @param process names this one among all */
export function leaseNames(process: string): () => string {
  let leases = 0;
  return () => `${process}-${++leases}`;
}

/** What is left now of a time that was read with the row. */
export function msLeft(row: RefreshableCredential, ms: number | null): number | null {
  return ms === null ? null : ms - (performance.now() - row.readAt);
}

/** What has passed by now of an age that was read with the row. */
export function msPassed(row: RefreshableCredential, ms: number): number {
  return ms + (performance.now() - row.readAt);
}
