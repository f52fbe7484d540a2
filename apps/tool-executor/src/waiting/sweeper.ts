import { setTimeout as delay } from 'node:timers/promises';
import type { Publisher } from '@keyward/jetstream';
import type { Logger } from 'pino';
import { sendAgain } from './send-again.js';
import { tellEnd, type EndTellers } from './tell-end.js';
import type { WaitingRow, WaitingRows } from './waiting-rows.js';

/** Of each kind; some come with their requests, up to 256 KiB each. */
const MOST = 100;
const EVERY_MS = 2_000;
/** Times as long as the last look took: looking at a great many is not all that the database does. */
const REST = 10;
const PURGE_EVERY_MS = 60_000;
const PURGE_MOST = 1_000;

export interface SweeperOptions extends EndTellers {
  rows: Pick<WaitingRows, 'sweep' | 'purge' | 'published' | 'told'>;
  publisher: Publisher;
  logger: Logger;
  everyMs?: number;
}

/**
 * What no event brings about: an execution's waiting ends, an event was missed, a process ended between marking and publishing. And what
 * is kept no longer is removed. Every replica does it; none gets a row that another one has.
 */
export class Sweeper {
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #purgedAt = -Infinity;

  constructor(private readonly options: SweeperOptions) {}

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { everyMs = EVERY_MS, logger } = this.options;
    while (!signal.aborted) {
      let isMore = false;
      const began = performance.now();
      try {
        isMore = await this.#sweep();
        if (performance.now() - this.#purgedAt > PURGE_EVERY_MS) await this.#purge();
      } catch (error) {
        logger.warn({ err: error }, 'what waits could not be looked after');
      }
      const restMs = Math.max(everyMs, REST * (performance.now() - began));
      // Replicas that look at different times find more together.
      if (!isMore) await delay(restMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    }
  }

  async #sweep(): Promise<boolean> {
    const found = await this.options.rows.sweep(MOST);
    await Promise.all(found.map((row) => this.#seeTo(row)));
    return found.length >= MOST;
  }

  /** One that fails holds up no other, and is found again. */
  async #seeTo(row: WaitingRow): Promise<void> {
    const { publisher, rows, logger } = this.options;
    try {
      if (row.state === 'resuming') await sendAgain(publisher, rows, row);
      else await tellEnd(this.options, row);
    } catch (error) {
      logger.warn({ err: error, execution_id: row.id }, 'an execution that waited could not be seen to yet');
    }
  }

  async #purge(): Promise<void> {
    while (!this.#stopping.signal.aborted && (await this.options.rows.purge(PURGE_MOST)) >= PURGE_MOST);
    this.#purgedAt = performance.now();
  }
}
