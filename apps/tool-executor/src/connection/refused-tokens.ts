const REMEMBERED_MS = 60_000;

/**
 * Connections of which the provider has just refused a new token as well. Some requests are refused with a 401 whatever the token: each of
 * their calls would redeem one more. For a minute no other is asked for on that account.
 */
export class RefusedTokens {
  /** Until when, in that order. */
  readonly #until = new Map<string, number>();

  /** @param now a clock that nobody sets */
  constructor(private readonly now: () => number = () => performance.now()) {}

  remember(connection: string): void {
    const now = this.now();
    for (const [id, until] of this.#until) {
      if (until > now) break;
      this.#until.delete(id);
    }
    this.#until.delete(connection);
    this.#until.set(connection, now + REMEMBERED_MS);
  }

  has(connection: string): boolean {
    return (this.#until.get(connection) ?? 0) > this.now();
  }

  get size(): number {
    return this.#until.size;
  }
}
