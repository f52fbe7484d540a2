import type { ConnectionUseStore } from '@keyward/credentials';
import type { Logger } from 'pino';

const EVERY_MS = 60_000;
/** So many are written without waiting for the minute to end. */
const MANY = 10_000;
/** While the database is away. What is not noted then is with its next use. */
const MOST = 50_000;
/** A statement locks its rows until it ends, and whoever refreshes one of them waits for that: so many take milliseconds, all of them seconds. */
const AT_ONCE = 1_000;

export interface UsesOptions {
  store: ConnectionUseStore;
  logger: Pick<Logger, 'warn'>;
  everyMs?: number;
  many?: number;
  atOnce?: number;
}

/** Which connections are in use, told to the database now and then: what nobody uses is not refreshed. Costs a call no more than a note. */
export class Uses {
  /** Connection → organization. */
  #noted = new Map<string, string>();
  /** Of those that are being written, and are kept where that fails. */
  #underWay = 0;
  #writing: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #many: number;

  constructor(private readonly options: UsesOptions) {
    this.#many = options.many ?? MANY;
    this.#timer = setInterval(() => void this.write(), options.everyMs ?? EVERY_MS).unref();
  }

  note(org: string, connection: string): void {
    if (this.#noted.size + this.#underWay >= MOST) return;
    this.#noted.set(connection, org);
    if (this.#noted.size === this.#many) void this.write();
  }

  /** All of them, one statement after the other. What could not be written is kept for the next time. */
  write(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  /** Writes what is noted; nothing is written afterwards. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.write();
  }

  async #write(): Promise<void> {
    const noted = this.#noted;
    if (noted.size === 0) return;
    [this.#noted, this.#underWay] = [new Map(), noted.size];
    try {
      const uses = Array.from(noted, ([connection, org]) => ({ org, connection }));
      const atOnce = this.options.atOnce ?? AT_ONCE;
      for (let from = 0; from < uses.length; from += atOnce) {
        const some = uses.slice(from, from + atOnce);
        await this.options.store.record(some);
        for (const { connection } of some) noted.delete(connection);
      }
    } catch (error) {
      for (const [connection, org] of noted) this.#noted.set(connection, org);
      this.options.logger.warn({ err: error, connections: noted.size }, 'uses of connections could not be recorded yet');
    } finally {
      this.#underWay = 0;
    }
  }
}
