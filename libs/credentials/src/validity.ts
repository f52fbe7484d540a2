/** When an access token ends, as the database told: so long after `readAt`. No wall clock is asked, neither here nor for comparing. */
export interface Validity {
  /** How long it still held when it was read, in milliseconds; not above 0: it has expired. null: the provider does not say. */
  accessExpiresInMs: number | null;
  /** `performance.now()` from just before the database was asked: counted from then, the time is never reckoned too long. */
  readAt: number;
}

/** How long the token still holds, in milliseconds. Not above 0: it has expired. Infinity: as far as anybody knows. */
export function validMs({ accessExpiresInMs, readAt }: Validity, now: number = performance.now()): number {
  return accessExpiresInMs === null ? Infinity : accessExpiresInMs - (now - readAt);
}
