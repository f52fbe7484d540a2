import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type ConsumerInfo,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { JetStreamServerOptions } from './options.js';

/** Over all replicas: beyond it the server holds messages back. */
const MAX_ACK_PENDING = 20_000;
const MAX_WAITING_PULLS = 512;

type ConsumerOptions = Pick<JetStreamServerOptions, 'stream' | 'durable' | 'filter' | 'ackWaitMs' | 'maxDeliver'>;

/** Creates the durable consumer, or brings one that exists to these settings, and reads them back. Safe on every replica at once. */
export async function ensureConsumer(jsm: JetStreamManager, options: ConsumerOptions): Promise<void> {
  const changeable = {
    ack_wait: nanos(options.ackWaitMs),
    max_deliver: options.maxDeliver,
    max_ack_pending: MAX_ACK_PENDING,
    filter_subject: options.filter,
  };
  const found = await findConsumer(jsm, options);
  if (found === undefined) {
    await jsm.consumers.add(options.stream, {
      durable_name: options.durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      max_waiting: MAX_WAITING_PULLS,
      ...changeable,
    });
  } else if (!matches(found, changeable)) {
    await jsm.consumers.update(options.stream, options.durable, changeable);
  }
  const result = await jsm.consumers.info(options.stream, options.durable);
  if (result.config.ack_policy !== AckPolicy.Explicit || !matches(result, changeable)) {
    throw new Error(`consumer ${options.durable} of stream ${options.stream} did not take the settings it was given`);
  }
}

async function findConsumer(jsm: JetStreamManager, options: ConsumerOptions): Promise<ConsumerInfo | undefined> {
  try {
    return await jsm.consumers.info(options.stream, options.durable);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound) return undefined;
    throw error;
  }
}

function matches(info: ConsumerInfo, wanted: Record<string, unknown>): boolean {
  return Object.entries(wanted).every(([key, value]) => (info.config as unknown as Record<string, unknown>)[key] === value);
}
