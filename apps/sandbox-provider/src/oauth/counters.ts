/** What the provider has seen since it started; tests compare readings before and after. */
export interface Counters {
  /** Requests at the token endpoint, whatever became of them. */
  tokenRequests: number;
  /** Those of them that have been answered, or cut off. */
  tokenAnswers: number;
  /** Refresh tokens redeemed. */
  refreshes: number;
  codesRedeemed: number;
  /** A refresh token or code came a second time, and its whole family was revoked (RFC 9700 section 4.14.2). */
  reuseDetections: number;
  /** Requests at the revocation endpoint that were answered 200. */
  revocations: number;
}

export function newCounters(): Counters {
  return { tokenRequests: 0, tokenAnswers: 0, refreshes: 0, codesRedeemed: 0, reuseDetections: 0, revocations: 0 };
}
