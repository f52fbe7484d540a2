import type { CredentialStore, ProviderRoom, RefreshableCredential } from '@keyward/postgres-vault';
import type { Logger } from 'pino';
import type { RefresherMetrics } from '../metrics.js';
import type { Claim, Outcome } from '../refresh/claim.js';

export interface DueLoopParts {
  newLease: () => string;
  leaseMs: number;
  /** Due credentials in hand at a time, over all providers. */
  slots: number;
  /** At most so long between two looks. */
  pollMs: number;
  store: Pick<CredentialStore, 'claimDue'>;
  /** What each provider's lanes can take now: no lease is taken for what could not be sent soon. */
  rooms: () => ProviderRoom[];
  run: (claim: Claim) => Promise<Outcome>;
  metrics: Pick<RefresherMetrics, 'late'>;
  logger: Logger;
}

/** Refreshes what is due, without being asked. Any number of processes may run it: each claims what no other holds. */
export class DueLoop {
  readonly #parts: DueLoopParts;
  readonly #inHand = new Set<Promise<void>>();
  /**
   * Claiming anew for every slot that falls free would be a query per refresh. A quarter of what was in hand, and not of the slots: one
   * provider alone may take far fewer than there are.
   */
  #batch = 1;
  /** Slots that have fallen free since the last look; undefined where that left nothing to take. */
  #freed: number | undefined;
  #running: Promise<void> | undefined;
  #stopping = false;
  #wake: () => void = () => undefined;

  constructor(parts: DueLoopParts) {
    this.#parts = parts;
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
    while (!this.#stopping) {
      this.#freed = 0;
      const more = await this.#claim(this.#parts.slots - this.#inHand.size);
      if (!more) this.#freed = undefined;
      this.#batch = Math.ceil(this.#inHand.size / 4);
      // Idle, or until a quarter of what is in hand has ended.
      await this.#pause(this.#parts.pollMs * (0.75 + Math.random() / 4));
    }
  }

  /** @returns whether there may be more than was taken; not where the store is away */
  async #claim(limit: number): Promise<boolean> {
    const { leaseMs, store, logger } = this.#parts;
    const owner = this.#parts.newLease();
    if (limit === 0) return true;
    const rooms = this.#parts.rooms();
    try {
      const due = await store.claimDue({ owner, leaseMs, limit, rooms });
      for (const row of due) this.#takeUp(row, owner);
      return due.length === limit || rooms.some(({ provider, room }) => fills(due, provider, room));
    } catch (error) {
      logger.warn({ err: error }, 'due credentials can not be claimed; trying again');
      return false;
    }
  }

  #takeUp(row: RefreshableCredential, owner: string): void {
    const { run, logger, leaseMs, metrics } = this.#parts;
    if (row.refreshInMs !== null) metrics.late(row.provider, Math.max(0, -row.refreshInMs) / 1000);
    const work = run({ owner, row, endsAt: row.readAt + leaseMs, priority: 'due', accessRejected: false })
      .then(
        () => undefined,
        // The lease runs out by itself, and what was begun under it says how far we may have come.
        (error: unknown) => logger.error({ err: error, org: row.org, connection: row.connection }, 'a refresh broke off'),
      )
      .finally(() => {
        this.#inHand.delete(work);
        if (this.#freed !== undefined) this.#freed++;
        if (this.#hasRoomAgain()) this.#wake();
      });
    this.#inHand.add(work);
  }

  #hasRoomAgain(): boolean {
    return this.#freed !== undefined && this.#freed > 0 && (this.#freed >= this.#batch || this.#inHand.size === 0);
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopping || this.#hasRoomAgain()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }
}

/** As many as the provider's lanes could take, be it none. */
function fills(due: readonly RefreshableCredential[], provider: string, room: number): boolean {
  return due.filter((row) => row.provider === provider).length >= room;
}
