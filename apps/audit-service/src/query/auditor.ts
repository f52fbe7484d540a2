import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { KeywardError } from '@keyward/contracts';

/** RFC 6750 section 2.1; the scheme is case-insensitive (RFC 9110 section 11.1). */
const BEARER = /^bearer +([\x21-\x7e]{1,512})$/i;

/** Who may read every organization's trail: the holder of the deployment's admin token. */
export class AuditorAuthenticator {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = sha256(token);
  }

  /** @throws KeywardError `unauthenticated`; `invalid_request` for two headers, as who asks must not depend on which one is read */
  authenticate(request: IncomingMessage): void {
    if ((request.headersDistinct['authorization']?.length ?? 0) > 1) {
      throw new KeywardError('invalid_request', 'The request has more than one Authorization header.');
    }
    const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
    // Digests: equally long, and compared in a time that says nothing about where they differ.
    if (token === undefined || !timingSafeEqual(sha256(token), this.#digest)) {
      throw new KeywardError('unauthenticated', 'Credentials are missing or not valid.');
    }
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
