import { checkContext, type SealContext } from './format.js';
import type { KeyRing } from './key-ring.js';

export async function seal(ring: KeyRing, context: SealContext, plaintext: Buffer): Promise<Buffer> {
  try {
    checkContext(context); // before a message of the nonce budget is spent on it
    return await ring.withSealingKey(context.org, (key) => key.seal(context, plaintext));
  } finally {
    plaintext.fill(0);
  }
}
