import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { bearerToken } from '@keyward/service-host';
import type { Actor } from '../records/record.js';

export const ADMIN: Actor = { kind: 'admin', id: 'admin' };

/** Who may administer every organization of this deployment: the holder of its one admin token. */
export class AdminAuthenticator {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = sha256(token);
  }

  /** @throws KeywardError `invalid_request` for more than one Authorization header */
  isAdmin(request: IncomingMessage): boolean {
    const token = bearerToken(request);
    // Digests: equally long, and compared in a time that says nothing about where they differ.
    return token !== undefined && timingSafeEqual(sha256(token), this.#digest);
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
