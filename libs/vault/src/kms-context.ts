import { invalidContext } from './errors.js';
import type { KmsContext } from './ports.js';

const DATA_KEY_PURPOSE = 'data-key';

/**
 * No colon, so that names with a colon (`keyward:org`) delimit values even where a KMS joins names and values without lengths, as
 * the emulators do; no whitespace, no control characters, nothing outside ASCII that two systems could normalise differently.
 */
const CONTEXT_VALUE = /^[A-Za-z0-9_.-]{1,128}$/;

/** The context of an organization's data keys. */
export function dataKeyContext(org: string): KmsContext {
  return { org, purpose: DATA_KEY_PURPOSE };
}

/** Every adapter calls this first, on every operation that takes a context. @throws KeywardError `internal` */
export function assertKmsContext(context: KmsContext): void {
  if (!CONTEXT_VALUE.test(context.org))
    throw invalidContext('the organization of a KMS context has characters that are not allowed');
  if (!CONTEXT_VALUE.test(context.purpose))
    throw invalidContext('the purpose of a KMS context has characters that are not allowed');
}
