import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Actor } from '../records/record.js';
import { requiredBearerToken, unauthenticated } from './bearer.js';

export const ADMIN: Actor = { kind: 'admin', id: 'admin' };

/** Who may administer every organization of this deployment: the holder of its one admin token. */
export class AdminAuthenticator {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = sha256(token);
  }

  /** @throws KeywardError `unauthenticated` */
  authenticate(request: IncomingMessage): Actor {
    if (!this.accepts(requiredBearerToken(request))) throw unauthenticated();
    return ADMIN;
  }

  /** Compares digests: equally long, and in a time that says nothing about where they differ. */
  accepts(token: string): boolean {
    return timingSafeEqual(sha256(token), this.#digest);
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
