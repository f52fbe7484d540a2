import { setTimeout as delay } from 'node:timers/promises';
import { asKeywardError, KeywardError } from '@keyward/contracts';
import { jetstreamManager } from '@nats-io/jetstream';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { linkOf } from '../link.js';
import type { LogPort } from '../log-port.js';
import { createPublisher, type Publisher } from '../publisher.js';
import { consuming } from '../spans.js';
import { ensureConsumer } from './consumer.js';
import { publishDeadLetter } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import { InBursts } from './in-bursts.js';
import { Puller } from './puller.js';
import { retryDelay } from './retry.js';

/** A message that arrives while we stop goes to another replica after this. */
const DRAIN_NAK_MS = 100;
const UNLIMITED = -1;

/** One message of a batch. */
export interface BatchMessage {
  readonly subject: string;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
  /** 1 on the first delivery. */
  readonly deliveries: number;
  /** No retry helps this one: once the batch is done it becomes a dead letter, instead of being acknowledged. */
  reject(error: KeywardError): void;
}

export interface BatchServerOptions {
  nc: NatsConnection;
  logger: LogPort;
  stream: string;
  /** The consumer's name, shared by all replicas. */
  durable: string;
  filter: string;
  /** Messages handed over at once, at most. */
  batchSize: number;
  /** Batches at work at a time. */
  concurrency: number;
  /** How long messages gather in the server. While nothing else is at work none waits here longer than twice this. */
  lingerMs: number;
  /** Silence after which the server gives a message to someone else. Held messages are reported every third of it. */
  ackWaitMs: number;
  /** Pause after a failed batch: the 1st, 2nd … delivery's; the last one repeats. Jitter is added. */
  backoff?: readonly number[];
  /**
   * Does the whole batch or throws. Returning acknowledges it; throwing gives every message of it back for later, without limit, so
   * what is wrong with one message must be told by its `reject`.
   */
  handle: (batch: readonly BatchMessage[]) => Promise<void>;
}

interface Held {
  delivery: Delivery;
  rejection: KeywardError | undefined;
}

/** A durable pull consumer that works in batches, as a door of a service: for work that is one transaction for many messages. */
export class JetStreamBatchServer extends Server implements CustomTransportStrategy {
  private readonly publisher: Publisher;
  private readonly waiting: Held[] = [];
  private readonly working = new Set<Held>();
  private puller: Puller | undefined;
  private heartbeat: NodeJS.Timeout | undefined;
  private lingering: NodeJS.Timeout | undefined;
  private readonly runs = new Set<Promise<void>>();
  private failures = 0;
  private readonly stopping = new AbortController();
  private closed: Promise<void> | undefined;

  constructor(private readonly options: BatchServerOptions) {
    super();
    this.publisher = createPublisher(options.nc);
  }

  listen(callback: (error?: unknown) => void): void {
    this.start().then(() => callback(), callback);
  }

  /** Takes no more messages, lets the batch in hand end, gives back the rest. */
  close(): Promise<void> {
    this.closed ??= this.drain();
    return this.closed;
  }

  on(): never {
    throw new Error('JetStreamBatchServer emits no events');
  }

  unwrap<T>(): T {
    return this.options.nc as T;
  }

  private async start(): Promise<void> {
    const { nc, logger, stream, durable, filter, ackWaitMs, batchSize, concurrency, lingerMs } = this.options;
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    this.puller = new Puller({
      // The next batch gathers while others are at work.
      ...{ nc, logger, stream, durable, capacity: (concurrency + 1) * batchSize },
      busy: () => this.waiting.length + this.working.size,
      onDelivery: (delivery) => this.take(delivery),
      pace: new InBursts({ lingerMs, onGathered: () => this.beginIfIdle(), wake: () => this.puller?.refill() }),
      ensureConsumer: () => ensureConsumer(jsm, { stream, durable, filter, ackWaitMs, maxDeliver: UNLIMITED }),
    });
    this.heartbeat = setInterval(() => this.beat(), ackWaitMs / 3).unref();
    await this.puller.start();
  }

  private take(delivery: Delivery): void {
    if (this.stopping.signal.aborted) return delivery.nak(DRAIN_NAK_MS);
    this.waiting.push({ delivery, rejection: undefined });
    const { batchSize, concurrency, lingerMs } = this.options;
    if (this.waiting.length >= batchSize && this.runs.size < concurrency) this.begin();
    // A burst may be long in coming to its end, such as when the connection breaks.
    else if (this.runs.size === 0) this.lingering ??= setTimeout(() => this.begin(), 2 * lingerMs);
  }

  private beginIfIdle(): void {
    if (this.waiting.length > 0 && this.runs.size === 0) this.begin();
  }

  private begin(): void {
    clearTimeout(this.lingering);
    this.lingering = undefined;
    const { logger, stream } = this.options;
    const run = this.work()
      .catch((error: unknown) => logger.error({ err: error, stream }, 'a batch could not be settled'))
      .finally(() => this.runs.delete(run));
    this.runs.add(run);
  }

  /** Batch after batch while there are messages: under load they fill up by themselves. */
  private async work(): Promise<void> {
    while (this.waiting.length > 0 && !this.stopping.signal.aborted) {
      const batch = this.waiting.splice(0, this.options.batchSize);
      const error = await this.workOn(batch);
      this.puller?.refill();
      this.failures = error === undefined ? 0 : this.failures + 1;
      if (error !== undefined) await this.pause(error);
    }
  }

  private async workOn(batch: readonly Held[]): Promise<KeywardError | undefined> {
    for (const held of batch) this.working.add(held);
    try {
      const error = await this.handle(batch);
      await this.settle(batch, error);
      return error;
    } finally {
      for (const held of batch) this.working.delete(held);
    }
  }

  private async handle(batch: readonly Held[]): Promise<KeywardError | undefined> {
    const outcome = Promise.withResolvers<void>();
    for (const { delivery } of batch) {
      if (delivery.headers?.has('traceparent') !== true) continue;
      // A span per message, in the trace it came with; how the batch ends is dealt with below.
      void consuming(delivery.subject, delivery.headers, this.options.durable, () => outcome.promise).catch(() => undefined);
    }
    void this.options.handle(batch.map(asMessage)).then(outcome.resolve, outcome.reject);
    return outcome.promise.then(() => undefined, asKeywardError);
  }

  private async settle(batch: readonly Held[], error: KeywardError | undefined): Promise<void> {
    const { logger, stream, backoff } = this.options;
    if (error !== undefined) {
      const fields = { stream, messages: batch.length, code: error.code, err: error.cause ?? error };
      logger.warn(fields, 'a batch failed and will be tried again');
    }
    const rejected = error === undefined ? batch.filter((held) => held.rejection !== undefined) : [];
    await Promise.all(rejected.map((held) => this.giveUp(held)));
    if (!(await this.linked())) return;
    for (const { delivery, rejection } of batch) {
      if (error !== undefined) delivery.nak(retryDelay(error, delivery.deliveries, backoff));
      else if (rejection === undefined) delivery.ack();
    }
  }

  /** The copy first, as terminating removes the original. If there can be no copy, the original comes again. */
  private async giveUp({ delivery, rejection }: Held): Promise<void> {
    const { logger, stream, durable, backoff } = this.options;
    const error = asKeywardError(rejection);
    const { subject, headers, data, sequence, deliveries } = delivery;
    try {
      await publishDeadLetter(this.publisher, { stream, durable, subject, headers, data, sequence, deliveries }, error);
    } catch (cause) {
      logger.error({ stream, sequence, err: cause }, 'a dead letter could not be stored; the message stays in its stream');
      if (await this.linked()) delivery.nak(retryDelay(error, deliveries, backoff));
      return;
    }
    logger.error({ stream, subject, sequence, deliveries, code: error.code, err: error }, 'a message is given up');
    if (await this.linked()) delivery.term();
  }

  /** What failed comes back by itself; to take on the next batch at once would fail the same way. */
  private async pause(error: KeywardError): Promise<void> {
    const { signal } = this.stopping;
    await delay(retryDelay(error, this.failures, this.options.backoff), undefined, { signal }).catch(() => undefined);
  }

  /** Waits until a verdict can reach the server. False while stopping without a connection: then the messages come again. */
  private async linked(): Promise<boolean> {
    const link = linkOf(this.options.nc);
    const { signal } = this.stopping;
    if (!link.up && !signal.aborted) {
      await Promise.race([link.whenUp(), new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))]);
    }
    return link.up;
  }

  private beat(): void {
    if (!linkOf(this.options.nc).up) return;
    for (const { delivery } of [...this.waiting, ...this.working]) delivery.working();
  }

  private async drain(): Promise<void> {
    this.stopping.abort();
    await this.puller?.stop();
    await Promise.all(this.runs);
    clearInterval(this.heartbeat);
    clearTimeout(this.lingering);
    if (!(await this.linked())) return;
    for (const { delivery } of this.waiting.splice(0)) delivery.nak(DRAIN_NAK_MS);
    await this.options.nc.flush();
  }
}

function asMessage(held: Held): BatchMessage {
  const { subject, headers, data, deliveries } = held.delivery;
  return { subject, headers, data, deliveries, reject: (error) => void (held.rejection = error) };
}
