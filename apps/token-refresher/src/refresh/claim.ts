import type { KeywardError } from '@keyward/contracts';

/** A lease on one generation of one credential: while it lasts, nobody else redeems its refresh token. */
export interface Claim {
  org: string;
  connection: string;
  /** What is to be redeemed. */
  generation: number;
  /** An earlier holder took up this generation and was not heard of again: its refresh token may be spent. */
  staleIntent: boolean;
  /** On the clock of `performance.now()`, taken before the lease was asked for, so that ours ends no later than the database's. */
  endsAt: number;
  /** The provider has refused the access token already: there is nothing left to keep in service. */
  accessRejected: boolean;
}

/** `refreshed` holds for whoever did it: the stored generation is this one now. */
export type Outcome = { kind: 'refreshed'; generation: number } | { kind: 'failed'; error: KeywardError };
