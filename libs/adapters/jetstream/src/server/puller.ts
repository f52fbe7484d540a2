import { setTimeout as delay } from 'node:timers/promises';
import { createInbox, nanos, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { linkOf } from '../link.js';
import type { LogPort } from '../log-port.js';
import { Delivery } from './delivery.js';
import { AtOnce, type Pace } from './pace.js';

const PULL_EXPIRES_MS = 30_000;
const IDLE_HEARTBEAT_MS = 5000;
const RETRY_MS = 250;
const MAX_RETRY_MS = 2000;
const HEARTBEAT = 100;
const REQUEST_ENDED = new Set([404, 408]);

export interface PullerOptions {
  nc: NatsConnection;
  logger: LogPort;
  stream: string;
  durable: string;
  capacity: number;
  /** Messages taken and not yet done with. */
  busy: () => number;
  onDelivery: (delivery: Delivery) => void;
  /** By default each message is to come the moment it is stored. */
  pace?: Pace;
  /** Makes sure that the consumer exists. */
  ensureConsumer: () => Promise<void>;
}

/**
 * Asks for as many messages as there are free hands, and no more: the client library's own loop asks for the next batch as soon
 * as one has arrived, and a message that waits in memory loses its ack_wait to somebody else. Asks again whenever a request may have
 * been lost: after a reconnect, when heartbeats stop, when the consumer is gone.
 */
export class Puller {
  private readonly inbox = createInbox();
  private readonly nextSubject: string;
  private readonly pace: Pace;
  private subscription: Subscription | undefined;
  private requested = 0;
  private heardAt = 0;
  private stopped = false;
  private recovering = false;
  private watchdog: NodeJS.Timeout | undefined;
  private forgetLink: (() => void) | undefined;

  constructor(private readonly options: PullerOptions) {
    this.nextSubject = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.durable}`;
    this.pace = options.pace ?? new AtOnce(options.capacity);
  }

  async start(): Promise<void> {
    const { nc, ensureConsumer } = this.options;
    await linkOf(nc).whenUp();
    await ensureConsumer();
    this.subscription = nc.subscribe(this.inbox, { callback: (error, message) => this.receive(error, message) });
    this.forgetLink = linkOf(nc).onReconnect(() => this.recover('the connection was lost'));
    this.watchdog = setInterval(() => this.checkSilence(), IDLE_HEARTBEAT_MS).unref();
    this.refill();
  }

  /** To be called whenever there is more room: asks for messages if it is time to. */
  refill(): void {
    if (this.stopped || this.recovering) return;
    const { capacity, busy, nc } = this.options;
    const next = this.pace.next(capacity - busy() - this.requested, this.requested);
    if (next === undefined) return;
    this.requested += next.batch;
    const ending = next.wait ? { expires: nanos(PULL_EXPIRES_MS), idle_heartbeat: nanos(IDLE_HEARTBEAT_MS) } : { no_wait: true };
    this.heardAt = performance.now();
    nc.publish(this.nextSubject, JSON.stringify({ batch: next.batch, ...ending }), { reply: this.inbox });
  }

  /** Resolves once nothing more can arrive. What was on its way when the server heard of it is still delivered before. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.pace.stop?.();
    clearInterval(this.watchdog);
    this.forgetLink?.();
    // Fails when the connection breaks meanwhile: then nothing can arrive either.
    await this.subscription?.drain().catch(() => undefined);
  }

  private receive(error: Error | null, message: Msg): void {
    if (error !== null) return this.recover(error.message);
    this.heardAt = performance.now();
    if (message.subject === this.inbox) return this.receiveStatus(message);
    this.requested = Math.max(0, this.requested - 1);
    this.pace.delivered?.();
    this.options.onDelivery(new Delivery(this.options.nc, message));
    this.refill();
  }

  /** Status messages come on the inbox itself, and end the request with what was left of it; deliveries carry their own subject. */
  private receiveStatus(message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code === HEARTBEAT) return;
    const left = Number(message.headers?.get('Nats-Pending-Messages') || this.requested);
    this.requested = Math.max(0, this.requested - left);
    if (REQUEST_ENDED.has(code)) this.refill();
    else this.recover(message.headers?.description ?? `status ${code}`);
  }

  private checkSilence(): void {
    if (this.requested === 0 || performance.now() - this.heardAt < 2.5 * IDLE_HEARTBEAT_MS) return;
    if (linkOf(this.options.nc).up) this.recover('the server is silent');
  }

  /** What was asked for may be forgotten on the other side, so everything is asked for anew; too many then is harmless, too few is not. */
  private recover(reason: string): void {
    if (this.stopped || this.recovering) return;
    this.recovering = true;
    const { logger, stream, durable } = this.options;
    logger.warn({ stream, durable, reason }, 'asking for messages anew');
    void this.recoverConsumer().finally(() => {
      this.recovering = false;
      this.requested = 0;
      this.pace.restart?.();
      this.refill();
    });
  }

  private async recoverConsumer(): Promise<void> {
    const { nc, logger, stream, durable, ensureConsumer } = this.options;
    for (let attempt = 0; !this.stopped && !nc.isClosed(); attempt++) {
      await linkOf(nc).whenUp();
      try {
        return await ensureConsumer();
      } catch (error) {
        if (attempt % 10 === 0) logger.warn({ err: error, stream, durable }, 'the consumer cannot be reached; trying again');
        await delay(Math.min(RETRY_MS * 2 ** attempt, MAX_RETRY_MS));
      }
    }
  }
}
