/** Wakes whoever waits for something to become of a connection. */
export class ConnectionNews {
  readonly #waiting = new Map<string, Set<() => void>>();

  tell(connection: string): void {
    for (const wake of this.#waiting.get(connection) ?? []) wake();
  }

  /** From now on: asked for before the look at the connection after which it is waited, so that nothing is missed in between. */
  listen(connection: string): { heard: Promise<void>; end(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const others = this.#waiting.get(connection) ?? new Set();
    others.add(resolve);
    this.#waiting.set(connection, others);
    const end = () => {
      others.delete(resolve);
      if (others.size === 0 && this.#waiting.get(connection) === others) this.#waiting.delete(connection);
    };
    return { heard: promise, end };
  }
}
