/** A queue in order of arrival before so many servers, each doing one thing at a time: an event loop, the cores of a machine. */
export class Station {
  /** In all, in ms. */
  busyMs = 0;
  readonly #freeAt: Float64Array;

  /** @param elsewhere share of each server's time that is not ours */
  constructor(
    servers: number,
    private readonly elsewhere = 0,
  ) {
    this.#freeAt = new Float64Array(servers);
  }

  get servers(): number {
    return this.#freeAt.length;
  }

  /** Who arrives now is served for `ms` as soon as a server is free. Arrivals must come in order of time. @returns when it is done */
  serve(now: number, ms: number): number {
    let first = 0;
    for (let server = 1; server < this.#freeAt.length; server++) {
      if ((this.#freeAt[server] as number) < (this.#freeAt[first] as number)) first = server;
    }
    const done = Math.max(now, this.#freeAt[first] as number) + ms / (1 - this.elsewhere);
    this.#freeAt[first] = done;
    this.busyMs += ms;
    return done;
  }
}
