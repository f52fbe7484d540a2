import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { KeywardError } from '@keyward/contracts';
import { bearerToken } from '@keyward/service-host';

/** Who may read every organization's trail: the holder of the deployment's admin token. */
export class AuditorAuthenticator {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = sha256(token);
  }

  /** @throws KeywardError `unauthenticated`; `invalid_request` for two headers, as who asks must not depend on which one is read */
  authenticate(request: IncomingMessage): void {
    const token = bearerToken(request);
    // Digests: equally long, and compared in a time that says nothing about where they differ.
    if (token === undefined || !timingSafeEqual(sha256(token), this.#digest)) {
      throw new KeywardError('unauthenticated', 'Credentials are missing or not valid.');
    }
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
