import { readKeyId, type SealContext } from './format.js';
import type { KeyRing } from './key-ring.js';

/** `use` is synchronous, so that the plaintext lives for microseconds and not for as long as somebody's network call. */
export async function open<T>(ring: KeyRing, context: SealContext, sealed: Buffer, use: (plaintext: Buffer) => T): Promise<T> {
  return ring.withOpeningKey(context.org, readKeyId(sealed), (key) => {
    const plaintext = key.open(context, sealed);
    try {
      return use(plaintext);
    } finally {
      plaintext.fill(0);
    }
  });
}
