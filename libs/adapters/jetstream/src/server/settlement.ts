import type { KeywardError } from '@keyward/contracts';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { linkOf } from '../link.js';
import type { Publisher } from '../publisher.js';
import type { JetStreamContext } from './context.js';
import { publishDeadLetter } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import type { JetStreamServerOptions } from './options.js';
import { isPermanent, retryDelay } from './retry.js';

/** What becomes of a message once its handler has ended. Verdicts wait for the connection: one sent while it is down would be lost. */
export class Settlement {
  /** @param abandoned from when on nothing waits for the connection any more: what is not settled is delivered again. */
  constructor(
    private readonly options: JetStreamServerOptions,
    private readonly publisher: Publisher,
    private readonly abandoned: AbortSignal,
  ) {}

  async done(delivery: Delivery): Promise<void> {
    await this.linked();
    delivery.ack();
  }

  async failed(delivery: Delivery, context: JetStreamContext | undefined, error: KeywardError): Promise<void> {
    const { logger, stream } = this.options;
    const { subject, deliveries } = delivery;
    trace.getActiveSpan()?.setAttribute('error.type', error.code).setStatus({ code: SpanStatusCode.ERROR, message: error.code });
    const fields = { stream, subject, deliveries, code: error.code, err: error.cause ?? error };
    if (isPermanent(error) || this.isFinal(delivery)) {
      logger.error(fields, 'a message is given up');
      return this.giveUp(delivery, context, error);
    }
    logger.warn(fields, 'a message failed and will be tried again');
    return this.retry(delivery, error);
  }

  /** On the final delivery a nak strands the message in the stream. */
  isFinal(delivery: Delivery): boolean {
    return delivery.deliveries >= this.options.maxDeliver;
  }

  private async retry(delivery: Delivery, error: KeywardError): Promise<void> {
    await this.linked();
    delivery.nak(retryDelay(error, delivery.deliveries, this.options.backoff));
  }

  /** The copy first, as terminating removes the original. If there can be no copy, the original stays. */
  private async giveUp(delivery: Delivery, context: JetStreamContext | undefined, error: KeywardError): Promise<void> {
    const { logger, stream, durable, failureReply } = this.options;
    const { subject, headers, data, sequence, deliveries } = delivery;
    try {
      await publishDeadLetter(this.publisher, { stream, durable, subject, headers, data, sequence, deliveries }, error);
    } catch (cause) {
      const fields = { stream, sequence, err: cause, final: this.isFinal(delivery) };
      logger.error(fields, 'a dead letter could not be stored; the message stays in its stream');
      return this.isFinal(delivery) ? undefined : this.retry(delivery, error);
    }
    if (failureReply !== undefined) await context?.reply(failureReply(error));
    await this.linked();
    delivery.term();
  }

  private linked(): Promise<void> {
    return linkOf(this.options.nc).whenUp(this.abandoned);
  }
}
