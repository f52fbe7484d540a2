/** A data key and what was derived from it leaves memory at the latest this long after the KMS handed it out. */
export const DATA_KEY_CACHE_MS = 5 * 60_000;

/**
 * Seals and opens of one organization between two visits to the KMS, over all of its cached keys and per process. At a million in an hour
 * it is still the age that sends a process to the KMS, twelve times.
 */
export const DATA_KEY_CACHE_USES = 100_000;

/** Cached data keys of all organizations together: bounds memory, at about 300 bytes each. The oldest makes room. */
export const DATA_KEY_CACHE_ENTRIES = 10_000;

/**
 * Messages under one data key, over all processes. With random 96-bit nonces the chance that any two of 2^20 collide is below
 * 2^-57; NIST SP 800-38D section 8.3 allows 2^32.
 */
export const DATA_KEY_MESSAGES = 2 ** 20;

/** Messages that a process reserves at a time. What a process that ends has not used of its block is lost, which is harmless. */
export const RESERVATION_MESSAGES = 2 ** 10;

/** Age at which a data key stops sealing. It keeps opening what it has sealed. */
export const DATA_KEY_AGE_MS = 30 * 24 * 3_600_000;

/** The longest plaintext: tokens and client secrets are far below. */
export const PLAINTEXT_BYTES = 1_048_576;
