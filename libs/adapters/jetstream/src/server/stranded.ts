import { KeywardError, streams } from '@keyward/contracts';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { Publisher } from '../publisher.js';
import { ensureConsumer } from './consumer.js';
import { publishDeadLetter } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import type { JetStreamServerOptions } from './options.js';
import { Puller } from './puller.js';

const CAPACITY = 4;
const ACK_WAIT_MS = 30_000;
const RETRY_MS = 5000;
const UNLIMITED = -1;

/** The server's advisory that it will deliver a message no more, `io.nats.jetstream.advisory.v1.max_deliver`. */
interface MaxDeliverAdvisory {
  stream_seq: number;
  deliveries: number;
}

type StrandedOptions = Pick<JetStreamServerOptions, 'nc' | 'logger' | 'stream' | 'durable'>;

/**
 * A worker that dies on a message's final delivery leaves it in the work queue, where nobody gets it any more and it takes room for
 * ever. Stream ADVISORIES names such messages; here they become dead letters like those that a worker gives up itself.
 */
export class StrandedMessages {
  private puller: Puller | undefined;
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly options: StrandedOptions,
    private readonly publisher: Publisher,
  ) {}

  async start(): Promise<void> {
    const { nc, logger, stream, durable } = this.options;
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    const consumer = {
      ...{ stream: streams.advisories, durable: `${stream}-${durable}`, ackWaitMs: ACK_WAIT_MS, maxDeliver: UNLIMITED },
      filter: `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.${durable}`,
    };
    this.puller = new Puller({
      ...{ nc, logger, stream: consumer.stream, durable: consumer.durable, capacity: CAPACITY },
      busy: () => this.running.size,
      onDelivery: (advisory) => this.take(jsm, advisory),
      ensureConsumer: () => ensureConsumer(jsm, consumer),
    });
    await this.puller.start();
  }

  async close(): Promise<void> {
    await this.puller?.stop();
    await Promise.allSettled(this.running);
  }

  private take(jsm: JetStreamManager, advisory: Delivery): void {
    const { logger, stream } = this.options;
    const work = this.collect(jsm, advisory.json() as MaxDeliverAdvisory)
      .then(() => advisory.ack())
      .catch((error: unknown) => {
        logger.error({ err: error, stream }, 'a stranded message could not be put aside yet');
        advisory.nak(RETRY_MS);
      })
      .finally(() => {
        this.running.delete(work);
        this.puller?.refill();
      });
    this.running.add(work);
  }

  /** A message that is gone was acknowledged late, or somebody else has put it aside. */
  private async collect(jsm: JetStreamManager, { stream_seq: sequence, deliveries }: MaxDeliverAdvisory): Promise<void> {
    const { logger, stream, durable } = this.options;
    const message = await jsm.streams.getMessage(stream, { seq: sequence });
    if (message === null) return;
    const { subject, header: headers, data } = message;
    const error = new KeywardError('outcome_unknown', 'The worker ended during the last delivery of this message.');
    await publishDeadLetter(this.publisher, { stream, durable, subject, headers, data, sequence, deliveries }, error);
    await jsm.streams.deleteMessage(stream, sequence);
    logger.error({ stream, subject, sequence, deliveries }, 'a message is given up: its worker ended during the last delivery');
  }
}
