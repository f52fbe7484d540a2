import { createHash, timingSafeEqual } from 'node:crypto';
import type { FindAccount } from 'oidc-provider';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** The two people of the sandbox: the configured one and `grace`, so that there is always a stranger to try things with. */
export class Accounts {
  readonly names: readonly string[];
  readonly #password: Buffer;

  constructor(user: string, password: string) {
    this.names = [...new Set([user, 'grace'])];
    this.#password = digest(password);
  }

  authenticate(name: string, password: string): boolean {
    const rightPassword = timingSafeEqual(digest(password), this.#password);
    return this.names.includes(name) && rightPassword;
  }

  readonly find: FindAccount = (_ctx, id) =>
    this.names.includes(id) ? { accountId: id, claims: () => ({ sub: id, name: displayName(id) }) } : undefined;
}

export function displayName(user: string): string {
  return user.charAt(0).toUpperCase() + user.slice(1);
}
