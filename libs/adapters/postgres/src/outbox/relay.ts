import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import { asDatabaseError } from '../database-error.js';
import { prepared } from '../prepared.js';
import { NotificationListener } from './listener.js';
import { onWritten } from './wake-relay.js';
import { WakeUp } from './wake-up.js';

export interface OutboxMessage {
  /** To be sent as the message id, so that the bus drops a repetition. */
  id: string;
  subject: string;
  headers: Record<string, string>;
  payload: object;
}

/** Resolves once the bus has stored the message; must settle by itself, because the rows of the batch are locked meanwhile. */
export type Publish = (message: OutboxMessage) => Promise<void>;

/** The two methods of pino that the relay needs. */
export interface RelayLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

interface OutboxRow {
  seq: string;
  id: string;
  subject: string;
  headers: Record<string, string>;
  payload: Buffer;
}

const BATCH = 100;
/** A notification can get lost with the connection that waits for it; this bounds how long a message then stays. */
const POLL_MS = 1_000;
/** Rounds under load begin no closer to each other, so that each finds several messages. The first after a silence does not wait. */
const BETWEEN_ROUNDS_MS = 20;
const BACKOFF_MS = { first: 50, max: 5_000 } as const;

const take = (where: string) =>
  `SELECT seq, id, subject, headers, payload FROM bus.outbox ${where} ORDER BY seq LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`;
const TAKE = take('');
/** What is younger, somebody else was woken for: two relays that take up the same messages do everything twice but publish. */
const TAKE_LEFT_BEHIND = take(`WHERE created_at < now() - interval '500 ms'`);
const REMOVE = 'DELETE FROM bus.outbox WHERE seq = ANY($1::bigint[])';

/**
 * Publishes what transactions left in the outbox, then removes it. A relay that dies in between leaves the rows to the next one,
 * which repeats them under the same ids. Any number of relays may run.
 *
 * One relay keeps the order of the messages that name the same connection, and of those of one organization (the last token of a
 * subject) that name none; a message that can't be published holds back those behind it of the same, and no others.
 */
export class OutboxRelay {
  private readonly wakeUp = new WakeUp();
  private running: Promise<void> | undefined;
  private stopping = false;
  private failures = 0;

  constructor(
    private readonly ds: DataSource,
    private readonly publish: Publish,
    private readonly options: { logger: RelayLogger },
  ) {}

  /** Begins at once, also where the database is not there yet. */
  start(): void {
    if (this.running !== undefined) return;
    this.stopping = false;
    this.running = this.run();
  }

  /** Resolves when the publications in hand have ended and their rows are removed. What remains is for the next start. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wakeUp.notify();
    await this.running;
    this.running = undefined;
  }

  /** Age in seconds of the oldest message that waits; 0 where none does. */
  async oldestSeconds(): Promise<number> {
    const text = 'SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age FROM bus.outbox';
    const [row] = await prepared<{ age: number }>(this.ds, { name: 'keyward_outbox_age', text }, []);
    return row?.age ?? 0;
  }

  private async run(): Promise<void> {
    const wake = (): void => this.wakeUp.notify();
    const listener = this.listener(wake);
    const forget = onWritten(this.ds, wake);
    for (let woken = true; !this.stopping;) {
      try {
        await listener.ensure();
        const beganAt = performance.now();
        while (!this.stopping && (await this.relayBatch(woken ? TAKE : TAKE_LEFT_BEHIND)) === BATCH);
        if (this.failures > 0) this.options.logger.info({ failures: this.failures }, 'outbox relay works again');
        this.failures = 0;
        if (!this.stopping) woken = await this.untilNext(beganAt);
      } catch (thrown) {
        woken = true;
        await this.backOff(thrown);
      }
    }
    forget();
    await listener.close();
  }

  private listener(onWake: () => void): NotificationListener {
    const { url, applicationName } = this.ds.options as { url: string; applicationName: string };
    return new NotificationListener({ url, applicationName: `${applicationName} outbox`, channel: 'keyward_outbox', onWake });
  }

  /** @returns whether somebody called, or it is just time to look */
  private async untilNext(beganAt: number): Promise<boolean> {
    const called = await this.wakeUp.wait(POLL_MS);
    const early = BETWEEN_ROUNDS_MS - (performance.now() - beganAt);
    if (called && early > 0 && !this.stopping) await delay(early);
    return called;
  }

  /** Waits the whole time even if notified: new messages would only queue behind what can't leave. */
  private async backOff(thrown: unknown): Promise<void> {
    this.failures++;
    const ceiling = Math.min(BACKOFF_MS.max, BACKOFF_MS.first * 2 ** Math.min(this.failures, 10));
    const until = Date.now() + ceiling / 2 + Math.random() * (ceiling / 2);
    this.options.logger.warn({ err: asDatabaseError(thrown), failures: this.failures }, 'outbox relay waits and tries again');
    while (!this.stopping && Date.now() < until) await this.wakeUp.wait(until - Date.now());
  }

  /** How many rows were published and removed. @throws where any of the batch could not be published, after the others are removed. */
  private async relayBatch(rowsToTake: string): Promise<number> {
    const { published, failure } = await this.ds.transaction(async (em) => {
      const rows = (await em.query(rowsToTake)) as OutboxRow[];
      return this.publishAll(em, rows);
    });
    if (failure !== undefined) throw failure.cause;
    return published;
  }

  private async publishAll(em: EntityManager, rows: OutboxRow[]): Promise<{ published: number; failure?: { cause: unknown } }> {
    const published: string[] = [];
    const messages = rows.map((row) => ({ seq: row.seq, message: toMessage(row) }));
    const lanes = Map.groupBy(messages, ({ message }) => laneOf(message));
    const outcomes = await Promise.allSettled(
      Array.from(lanes.values(), async (lane) => {
        for (const { seq, message } of lane) {
          if (this.stopping) return;
          await this.publish(message);
          published.push(seq);
        }
      }),
    );
    if (published.length > 0) await em.query(REMOVE, [published]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    return failed === undefined
      ? { published: published.length }
      : { published: published.length, failure: { cause: failed.reason } };
  }
}

function toMessage(row: OutboxRow): OutboxMessage {
  return { id: row.id, subject: row.subject, headers: row.headers, payload: JSON.parse(row.payload.toString('utf8')) as object };
}

function laneOf({ subject, payload }: OutboxMessage): string {
  const { connection } = payload as { connection?: unknown };
  return typeof connection === 'string' ? connection : subject.slice(subject.lastIndexOf('.') + 1);
}
