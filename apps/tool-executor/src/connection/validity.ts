/** When a token ends, as it was told: so long after `readAt`, a reading of this process's monotonic clock. No wall clock is asked. */
export interface Validity {
  /** Null: nobody says. */
  accessExpiresInMs: number | null;
  readAt: number;
}

/** How long the token still holds, in milliseconds. Not above 0: it has expired. Infinity: as far as anybody knows. */
export function validMs({ accessExpiresInMs, readAt }: Validity, now: number = performance.now()): number {
  return accessExpiresInMs === null ? Infinity : accessExpiresInMs - (now - readAt);
}
