import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import { backoffMs, holdMs } from './backoff.js';
import { endsOf, fitting, missingOf } from './batch.js';
import type { Destination } from './destination.js';
import type { ForwardMetrics } from './metrics.js';
import { Positions, type Due, type Next } from './positions.js';
import type { Sender, Sent } from './send.js';

/** Between two looks where there was nothing to send. */
const POLL_MS = 1_000;
/** For a message that is on its way while we stop. */
const GRACE_MS = 3_000;
const MAX_BODY_BYTES = 512 * 1024;
const MAX_REASON = 300;

export interface ForwarderLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ForwarderOptions {
  database: DataSource;
  destination: Destination;
  sender: Pick<Sender, 'send' | 'close'>;
  metrics: ForwardMetrics;
  log: ForwarderLog;
  pollMs?: number;
}

/**
 * Sends one destination the trail: every record at least once, each chain in its order. A message and the position after it are one
 * transaction, so that who has lost the transaction, or its process, has not moved on; who follows sends the message again.
 */
export class Forwarder {
  readonly #positions: Positions;
  readonly #stopping = new AbortController();
  readonly #cut = new AbortController();
  #running: Promise<void> | undefined;
  #registered = false;
  /** Records in a message: fewer while one of them is looked for that is refused. */
  #limit: number;

  constructor(private readonly options: ForwarderOptions) {
    this.#positions = new Positions(options.destination);
    this.#limit = options.destination.batch;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is on its way any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const grace = setTimeout(() => this.#cut.abort(), GRACE_MS);
    await this.#running;
    clearTimeout(grace);
    await this.options.sender.close();
  }

  async #run(): Promise<void> {
    const { pollMs = POLL_MS, destination, log } = this.options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const more = await this.#look().catch((error: unknown) => {
        log.warn({ err: error, destination: destination.name }, 'the trail could not be read for a destination; it will be');
        return false;
      });
      if (!more) await delay(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(): Promise<boolean> {
    if (!this.#registered) await this.#transaction((em) => this.#positions.register(em));
    this.#registered = true;
    return this.#transaction((em) => this.#step(em));
  }

  #transaction<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    return this.options.database.transaction(async (em) => {
      await em.query(`SET LOCAL keyward.org = '*'`);
      return work(em);
    });
  }

  /** @returns whether there may be more at once */
  async #step(em: EntityManager): Promise<boolean> {
    if (!(await this.#positions.take(em))) return false;
    const due = await this.#positions.due(em, this.#limit);
    if (due.length === 0) return false;
    const all = await this.#positions.next(em, due, this.#limit);
    const next = fitting(all, MAX_BODY_BYTES);
    const ends = endsOf(due, all, next);
    const wanted = next.filter((one) => one.wanted).map(({ record }) => record);
    const sent: Sent =
      wanted.length === 0
        ? { kind: 'delivered', rejected: 0, reason: '' }
        : await this.options.sender.send(wanted, this.#cut.signal);
    if (sent.kind !== 'delivered') return this.#notDelivered(em, sent, next);
    await this.#positions.move(em, ends);
    this.#delivered(sent, wanted.length, next);
    this.#tellMissing(due, all, ends);
    return true;
  }

  #delivered({ rejected, reason }: Extract<Sent, { kind: 'delivered' }>, count: number, next: readonly Next[]): void {
    const { destination, metrics, log } = this.options;
    this.#limit = Math.min(destination.batch, this.#limit * 2);
    metrics.count(destination.name, 'delivered', count - rejected);
    metrics.count(destination.name, 'rejected', rejected);
    if (rejected === 0) return;
    const fields = { destination: destination.name, rejected, of: count, reason: reason.slice(0, MAX_REASON), ...spanOf(next) };
    log.error(fields, 'a destination took a message and says that it does not keep all of it; that is not sent again');
  }

  async #notDelivered(em: EntityManager, sent: Exclude<Sent, { kind: 'delivered' }>, next: readonly Next[]): Promise<boolean> {
    // We are stopping: nothing was wrong with the destination.
    if (this.#cut.signal.aborted) return false;
    const { destination, metrics, log } = this.options;
    const wanted = next.filter((one) => one.wanted);
    const ofContent = sent.kind === 'refused' && sent.ofContent;
    metrics.count(destination.name, sent.kind, wanted.length);
    if (ofContent && wanted.length > 1) {
      this.#limit = Math.max(1, Math.floor(wanted.length / 2));
      return true;
    }
    const [first] = wanted;
    const fields = { destination: destination.name, reason: sent.reason, events: wanted.length, ...spanOf(wanted) };
    const waitMs = await this.#positions.wait(em, (failures) => backoffMs(failures, sent.retryAfterMs));
    if (ofContent && first !== undefined) {
      const { event, seq } = first.record;
      const heldMs = await this.#positions.hold(em, { org: event.org, seq: seq - 1 }, holdMs);
      log.error({ ...fields, heldMs }, 'a destination refuses an event; its organization has to wait, others go on');
    } else {
      log.warn({ ...fields, waitMs }, 'a destination does not take the trail; it is tried again');
    }
    return false;
  }

  /** Not silently: what left the trail before it was forwarded is forwarded never. */
  #tellMissing(due: readonly Due[], all: readonly Next[], ends: ReadonlyMap<string, number>): void {
    const { destination, metrics, log } = this.options;
    for (const { org, from, to } of missingOf(due, all, ends)) {
      metrics.count(destination.name, 'missing', to - from + 1);
      log.error(
        { destination: destination.name, organization: org, from, to },
        'events left the trail before they were forwarded',
      );
    }
  }
}

function spanOf(next: readonly Next[]): object {
  const [first, last] = [next[0]?.record, next.at(-1)?.record];
  if (first === undefined || last === undefined) return {};
  return { first: `${first.event.org} ${first.seq}`, last: `${last.event.org} ${last.seq}` };
}
