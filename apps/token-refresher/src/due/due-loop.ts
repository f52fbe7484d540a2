import { setTimeout as delay } from 'node:timers/promises';
import type { CredentialStore } from '@keyward/postgres-vault';
import type { Logger } from 'pino';
import type { RefresherMetrics } from '../metrics.js';
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
  metrics: Pick<RefresherMetrics, 'dueInHand'>;
  logger: Logger;
}

/** Refreshes what is due, without being asked. Any number of processes may run it: each claims what no other holds. */
export class DueLoop {
  readonly #parts: DueLoopParts;
  readonly #stop = new AbortController();
  readonly #inHand = new Set<Promise<void>>();
  #running: Promise<void> | undefined;

  constructor(parts: DueLoopParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running ??= this.#loop();
  }

  /** Resolves once nothing is claimed any more and what was taken up has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#inHand);
  }

  async #loop(): Promise<void> {
    const { slots, pollMs, logger } = this.#parts;
    while (!this.#stop.signal.aborted) {
      const free = slots - this.#inHand.size;
      const claimed = free > 0 ? await this.#claim(free) : 0;
      if (claimed instanceof Error) logger.warn({ err: claimed }, 'due credentials can not be claimed; trying again');
      if (claimed === free && free > 0) continue;
      await this.#pause(free > 0 ? pollMs * (0.75 + Math.random() / 4) : pollMs);
    }
  }

  async #claim(limit: number): Promise<number | Error> {
    const { owner, leaseMs, store } = this.#parts;
    const endsAt = performance.now() + leaseMs;
    try {
      const due = await store.claimDue(owner, leaseMs, limit);
      for (const one of due) this.#takeUp({ ...one, endsAt, accessRejected: false });
      return due.length;
    } catch (error) {
      return error instanceof Error ? error : new Error('claiming threw something that is no error');
    }
  }

  #takeUp(claim: Claim): void {
    const { run, metrics, logger } = this.#parts;
    const work = run(claim)
      .then(
        () => undefined,
        // The lease runs out by itself, and the intent it leaves says how far we may have come.
        (error: unknown) => logger.error({ err: error, org: claim.org, connection: claim.connection }, 'a refresh broke off'),
      )
      .finally(() => {
        this.#inHand.delete(work);
        metrics.dueInHand(this.#inHand.size);
      });
    this.#inHand.add(work);
    metrics.dueInHand(this.#inHand.size);
  }

  /** Ends early when asked to stop, or when a full hand has room again. */
  async #pause(ms: number): Promise<void> {
    const timer = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, timer.signal]);
    const paused = delay(ms, undefined, { signal }).catch(() => undefined);
    await (this.#inHand.size >= this.#parts.slots ? Promise.race([paused, ...this.#inHand]) : paused);
    timer.abort();
  }
}
