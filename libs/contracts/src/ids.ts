import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';

/**
 * Ids are `<prefix>_<uuidv7 without dashes>`: lower case, 32 hex digits, sortable by creation time (RFC 9562 section 5.7).
 * Lower case matters: NATS folds the tags of a user JWT to lower case, and agents' subjects are made from those tags.
 */
export type IdPrefix =
  | 'org'
  | 'agt'
  | 'key'
  | 'app'
  | 'cse'
  | 'conn'
  | 'exe'
  | 'evt'
  | 'msg'
  | 'dek'
  | 'asg'
  | 'mbr'
  | 'iss'
  | 'wlb'
  | 'auz'
  | 'whe'
  | 'art'
  | 'ckp'
  | 'bgt'
  | 'hld';

/** Ids of one process sort in the order of their creation, also within a millisecond (RFC 9562 section 6.2, method 1). */
export function newId(prefix: IdPrefix): string {
  const random = nextRandom();
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    // 31 random bits; what is left of the 32 is room to count up in.
    sequence = new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1;
  } else sequence++;
  return `${prefix}_${uuidv7({ random, msecs: lastMs, seq: sequence }).replaceAll('-', '')}`;
}

let lastMs = 0;
let sequence = 0;

const RANDOM_BYTES = 16;
const pool = new Uint8Array(256 * RANDOM_BYTES);
let poolUsed = pool.length;

/** Asking the system for 16 bytes costs as much as for 4096, and every call of a tool takes a few ids. Ids are not secrets. */
function nextRandom(): Uint8Array {
  if (poolUsed === pool.length) {
    crypto.getRandomValues(pool);
    poolUsed = 0;
  }
  return pool.subarray(poolUsed, (poolUsed += RANDOM_BYTES));
}

export function idSchema(prefix: IdPrefix) {
  return z.string().regex(new RegExp(`^${prefix}_[0-9a-f]{32}$`), `must be an id that starts with ${prefix}_`);
}

/**
 * A person, as the platform that embeds Keyward knows them: opaque to us, so that no second user directory is needed.
 * The characters are those that are safe in a log line, a URL segment and an AAD field.
 */
export const userIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}$/, 'must be 1 to 128 of A-Z a-z 0-9 _ . @ : -');

export const slugSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1 to 63 of a-z 0-9 _ -, starting with a letter or digit');

/** Stands for the deployment itself where an organization is asked for: the trail of what concerns no single one. No organization has this id. */
export const DEPLOYMENT_ORG = `org_${'0'.repeat(32)}`;
