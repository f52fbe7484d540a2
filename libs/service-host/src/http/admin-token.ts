import { createHash, timingSafeEqual } from 'node:crypto';

/** The deployment's one admin token. */
export class AdminToken {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = sha256(token);
  }

  /** Digests: equally long, and compared in a time that says nothing about where they differ. */
  matches(token: string | undefined): boolean {
    return token !== undefined && timingSafeEqual(sha256(token), this.#digest);
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
