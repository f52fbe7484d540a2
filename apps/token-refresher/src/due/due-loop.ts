import type { CredentialStore } from '@keyward/postgres-vault';
import type { Logger } from 'pino';
import type { Claim, Outcome } from '../refresh/claim.js';

export interface DueLoopParts {
  owner: string;
  leaseMs: number;
  /** Due credentials in hand at a time, over all providers. */
  slots: number;
  /** At most so long between two looks. */
  pollMs: number;
  store: Pick<CredentialStore, 'claimDue'>;
  run: (claim: Claim) => Promise<Outcome>;
  logger: Logger;
}

/** Refreshes what is due, without being asked. Any number of processes may run it: each claims what no other holds. */
export class DueLoop {
  readonly #parts: DueLoopParts;
  readonly #inHand = new Set<Promise<void>>();
  /** Claiming anew for every slot that falls free would be a query per refresh. */
  readonly #roomAt: number;
  #running: Promise<void> | undefined;
  #stopping = false;
  #wake: () => void = () => undefined;

  constructor(parts: DueLoopParts) {
    this.#parts = parts;
    this.#roomAt = Math.floor(parts.slots * 0.75);
  }

  start(): void {
    this.#running ??= this.#loop();
  }

  /** Resolves once nothing is claimed any more and what was taken up has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#running;
    await Promise.all(this.#inHand);
  }

  async #loop(): Promise<void> {
    const { slots, pollMs } = this.#parts;
    while (!this.#stopping) {
      const free = slots - this.#inHand.size;
      const claimed = await this.#claim(free);
      // As many as were asked for: there may be more. With no slot left, the first quarter that falls free wakes this up.
      if (claimed === free && this.#inHand.size < slots) continue;
      await this.#pause(pollMs * (0.75 + Math.random() / 4));
    }
  }

  /** @returns how many; 0 as well where the store is away */
  async #claim(limit: number): Promise<number> {
    const { owner, leaseMs, store, logger } = this.#parts;
    if (limit === 0) return 0;
    const endsAt = performance.now() + leaseMs;
    try {
      const due = await store.claimDue(owner, leaseMs, limit);
      for (const one of due) this.#takeUp({ ...one, endsAt, accessRejected: false });
      return due.length;
    } catch (error) {
      logger.warn({ err: error }, 'due credentials can not be claimed; trying again');
      return 0;
    }
  }

  #takeUp(claim: Claim): void {
    const { run, logger } = this.#parts;
    const work = run(claim)
      .then(
        () => undefined,
        // The lease runs out by itself, and the intent it leaves says how far we may have come.
        (error: unknown) => logger.error({ err: error, org: claim.org, connection: claim.connection }, 'a refresh broke off'),
      )
      .finally(() => {
        this.#inHand.delete(work);
        if (this.#inHand.size === this.#roomAt) this.#wake();
      });
    this.#inHand.add(work);
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopping) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }
}
