import { asKeywardError, KeywardError } from '@keyward/contracts';
import { jetstreamManager } from '@nats-io/jetstream';
import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { linkOf } from '../link.js';
import { createPublisher } from '../publisher.js';
import { consuming } from '../spans.js';
import type { JetStreamContext } from './context.js';
import { ensureConsumer } from './consumer.js';
import type { Delivery } from './delivery.js';
import { MessageContext, replySubjectOf } from './message-context.js';
import type { JetStreamServerOptions } from './options.js';
import { Puller } from './puller.js';
import { ReplySender } from './reply-sender.js';
import { Settlement } from './settlement.js';
import { StrandedMessages } from './stranded.js';

const DEFAULT_DRAIN_GRACE_MS = 10_000;
/** A message that arrives while we stop goes to another replica after this. */
const DRAIN_NAK_MS = 100;

type Handler = (payload: unknown, context: JetStreamContext) => Promise<unknown>;

/**
 * JetStream as a Nest transport: one durable pull consumer and its `@EventPattern` handler. The handler returning acknowledges the
 * message. A KeywardError that no retry can mend makes it a dead letter at once, any other error after `maxDeliver` deliveries.
 */
export class JetStreamServer extends Server implements CustomTransportStrategy {
  private readonly held = new Map<Delivery, MessageContext | undefined>();
  private readonly abandon = new AbortController();
  private readonly replies: ReplySender;
  private readonly settlement: Settlement;
  private readonly stranded: StrandedMessages;
  private puller: Puller | undefined;
  private handler: Handler | undefined;
  private heartbeat: NodeJS.Timeout | undefined;
  private draining = false;
  private closed: Promise<void> | undefined;
  private idle: (() => void) | undefined;

  constructor(private readonly options: JetStreamServerOptions) {
    super();
    const publisher = createPublisher(options.nc);
    this.replies = new ReplySender(options.nc, this.abandon.signal);
    this.settlement = new Settlement(options, publisher, this.abandon.signal);
    this.stranded = new StrandedMessages(options, publisher);
  }

  listen(callback: (error?: unknown) => void): void {
    this.start().then(() => callback(), callback);
  }

  /** Takes no more messages, lets those in flight end, hands back what arrived too late. */
  close(): Promise<void> {
    this.closed ??= this.drain();
    return this.closed;
  }

  on(): never {
    throw new Error('JetStreamServer emits no events');
  }

  unwrap<T>(): T {
    return this.options.nc as T;
  }

  private async start(): Promise<void> {
    const { nc, logger, stream, durable, filter, concurrency, ackWaitMs } = this.options;
    const handler = this.getHandlerByPattern(filter);
    if (handler === null) throw new Error(`no handler has the pattern ${filter}`);
    this.handler = handler as Handler;
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    this.puller = new Puller({
      ...{ nc, logger, stream, durable, capacity: concurrency },
      busy: () => this.held.size,
      onDelivery: (delivery) => this.take(delivery),
      ensureConsumer: () => ensureConsumer(jsm, this.options),
    });
    this.heartbeat = setInterval(() => this.beat(), ackWaitMs / 3).unref();
    await this.puller.start();
    await this.stranded.start();
  }

  private take(delivery: Delivery): void {
    if (this.draining && !this.settlement.isFinal(delivery)) return delivery.nak(DRAIN_NAK_MS);
    this.held.set(delivery, undefined);
    void consuming(delivery.subject, delivery.headers, this.options.durable, () => this.handle(delivery))
      .catch((error: unknown) =>
        this.options.logger.error({ err: error, subject: delivery.subject }, 'a message could not be settled'),
      )
      .finally(() => this.release(delivery));
  }

  private release(delivery: Delivery): void {
    this.held.get(delivery)?.dispose();
    this.held.delete(delivery);
    this.puller?.refill();
    if (this.held.size === 0) this.idle?.();
  }

  private async handle(delivery: Delivery): Promise<void> {
    let context: MessageContext | undefined;
    try {
      const replyTo = replySubjectOf(delivery.headers);
      context = new MessageContext(delivery, replyTo, this.options.deadline?.(delivery), this.replies);
      this.held.set(delivery, context);
      const result = await this.handler?.(readPayload(delivery), context);
      // Nest hands over what a handler throws as an observable that fails.
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    } catch (thrown) {
      return this.settlement.failed(delivery, context, asKeywardError(thrown));
    }
    await this.settlement.done(delivery);
  }

  /** Every third of ack_wait, for as long as someone waits for the outcome. */
  private beat(): void {
    if (!linkOf(this.options.nc).up) return;
    for (const [delivery, context] of this.held) {
      if (context?.expired === true) context.expire();
      else delivery.working();
    }
  }

  private async drain(): Promise<void> {
    this.draining = true;
    await Promise.all([this.puller?.stop(), this.stranded.close()]);
    if (this.held.size > 0) await this.letEnd(this.options.drainGraceMs ?? DEFAULT_DRAIN_GRACE_MS);
    clearInterval(this.heartbeat);
    // The flush in here carries the last acknowledgements to the server, too.
    await this.replies.close();
  }

  /** Past the grace, handlers are told to stop and nothing waits for the connection to come back. */
  private async letEnd(graceMs: number): Promise<void> {
    const stopping = new KeywardError('dependency_unavailable', 'The service is stopping.');
    const grace = setTimeout(() => {
      this.abandon.abort();
      for (const context of this.held.values()) context?.abort(stopping);
    }, graceMs);
    await new Promise<void>((resolve) => (this.idle = resolve));
    clearTimeout(grace);
  }
}

function readPayload(delivery: Delivery): unknown {
  try {
    return delivery.json();
  } catch (cause) {
    throw new KeywardError('invalid_request', 'The message is not valid JSON.', { cause });
  }
}
