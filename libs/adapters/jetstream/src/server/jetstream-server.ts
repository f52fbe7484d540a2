import { asKeywardError, KeywardError } from '@keyward/contracts';
import { jetstreamManager } from '@nats-io/jetstream';
import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { isObservable, lastValueFrom } from 'rxjs';
import { linkOf } from '../link.js';
import { createPublisher, type Publisher } from '../publisher.js';
import { consuming } from '../spans.js';
import type { JetStreamContext } from './context.js';
import { ensureConsumer } from './consumer.js';
import { publishDeadLetter } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import { MessageContext, replySubjectOf } from './message-context.js';
import type { JetStreamServerOptions } from './options.js';
import { Puller } from './puller.js';
import { ReplySender } from './reply-sender.js';
import { isPermanent, retryDelay } from './retry.js';
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
  private readonly publisher: Publisher;
  private readonly replies: ReplySender;
  private readonly stranded: StrandedMessages;
  private puller: Puller | undefined;
  private handler: Handler | undefined;
  private heartbeat: NodeJS.Timeout | undefined;
  private draining = false;
  private closed: Promise<void> | undefined;
  private idle: (() => void) | undefined;

  constructor(private readonly options: JetStreamServerOptions) {
    super();
    this.publisher = createPublisher(options.nc);
    this.replies = new ReplySender(options.nc);
    this.stranded = new StrandedMessages(options, this.publisher);
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
    const jsm = await jetstreamManager(nc);
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
    // On its final delivery a nak would strand the message, so that one is still handled.
    if (this.draining && delivery.deliveries < this.options.maxDeliver) return delivery.nak(DRAIN_NAK_MS);
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
    try {
      const context = this.contextOf(delivery);
      this.held.set(delivery, context);
      const result = await this.handler?.(readPayload(delivery), context);
      // Nest hands over what a handler throws as an observable that fails.
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    } catch (thrown) {
      return this.fail(delivery, asKeywardError(thrown));
    }
    await this.whenLinked();
    delivery.ack();
  }

  private contextOf(delivery: Delivery): MessageContext {
    const replyTo = replySubjectOf(delivery.headers);
    return new MessageContext(delivery, replyTo, this.options.deadline?.(delivery), this.replies);
  }

  private async fail(delivery: Delivery, error: KeywardError): Promise<void> {
    const { logger, stream, backoff, maxDeliver } = this.options;
    trace.getActiveSpan()?.setStatus({ code: SpanStatusCode.ERROR, message: error.code });
    const fields = {
      stream,
      subject: delivery.subject,
      deliveries: delivery.deliveries,
      code: error.code,
      err: error.cause ?? error,
    };
    if (isPermanent(error) || delivery.deliveries >= maxDeliver) {
      logger.error(fields, 'a message is given up');
      return this.giveUp(delivery, error);
    }
    logger.warn(fields, 'a message failed and will be tried again');
    await this.whenLinked();
    delivery.nak(retryDelay(error, delivery.deliveries, backoff));
  }

  /** The copy first, as terminating removes the original. If there can be no copy, the original stays. */
  private async giveUp(delivery: Delivery, error: KeywardError): Promise<void> {
    const { logger, stream, durable, maxDeliver, backoff, failureReply } = this.options;
    try {
      const { subject, headers, data, sequence, deliveries } = delivery;
      await publishDeadLetter(this.publisher, { stream, durable, subject, headers, data, sequence, deliveries }, error);
    } catch (cause) {
      const final = delivery.deliveries >= maxDeliver;
      logger.error(
        { stream, sequence: delivery.sequence, err: cause, final },
        'a dead letter could not be stored; the message stays in its stream',
      );
      if (!final) delivery.nak(retryDelay(error, delivery.deliveries, backoff));
      return;
    }
    if (failureReply !== undefined) await this.held.get(delivery)?.reply(failureReply(error));
    await this.whenLinked();
    delivery.term();
  }

  /** Every third of ack_wait, for as long as someone waits for the outcome. */
  private beat(): void {
    if (!linkOf(this.options.nc).up) return;
    for (const [delivery, context] of this.held) {
      if (context?.expired === true) context.expire();
      else delivery.working();
    }
  }

  private whenLinked(): Promise<void> {
    return linkOf(this.options.nc).whenUp();
  }

  private async drain(): Promise<void> {
    const { drainGraceMs = DEFAULT_DRAIN_GRACE_MS } = this.options;
    this.draining = true;
    await Promise.all([this.puller?.stop(), this.stranded.close()]);
    if (this.held.size > 0) {
      const stopping = new KeywardError('dependency_unavailable', 'The service is stopping.');
      const grace = setTimeout(() => this.held.forEach((context) => context?.abort(stopping)), drainGraceMs);
      await new Promise<void>((resolve) => (this.idle = resolve));
      clearTimeout(grace);
    }
    clearInterval(this.heartbeat);
    // The flush in here carries the last acknowledgements to the server, too.
    await this.replies.close();
  }
}

function readPayload(delivery: Delivery): unknown {
  try {
    return delivery.json();
  } catch (cause) {
    throw new KeywardError('invalid_request', 'The message is not valid JSON.', { cause });
  }
}
