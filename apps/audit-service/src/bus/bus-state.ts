import { streams, subjects } from '@keyward/contracts';
import { jetstreamManager, RetentionPolicy, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

export interface StreamState {
  stream: string;
  messages: number;
  bytes: number;
  limitBytes: number;
}

export interface ConsumerState {
  stream: string;
  consumer: string;
  pending: number;
  ackPending: number;
  redelivered: number;
  /** Age of the oldest message that is not done; undefined where the stream keeps what is done. */
  oldestSeconds: number | undefined;
}

export interface BusState {
  streams: StreamState[];
  consumers: ConsumerState[];
  /** Messages that were given up, by the work queue they came from. */
  deadLetters: Map<string, number>;
  /** Age of the oldest event that is not in the trail. */
  ingestLagSeconds: number;
}

/** Metrics that are read together are of one moment, and ask once. */
const SAME_MOMENT_MS = 500;

/** Streams and durable consumers of account KEYWARD as the server has them. @returns how to read them; rejects while it does not answer */
export async function watchBus(nats: NatsConnection): Promise<() => Promise<BusState>> {
  const jsm = await jetstreamManager(nats, { checkAPI: false });
  let last: { at: number; state: Promise<BusState> } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > SAME_MOMENT_MS) last = { at: now, state: readBus(jsm) };
    return last.state;
  };
}

async function readBus(jsm: JetStreamManager): Promise<BusState> {
  const [infos, deadLetters] = await Promise.all([
    Promise.all(Object.values(streams).map((stream) => jsm.streams.info(stream))),
    jsm.streams.info(streams.deadLetters, { subjects_filter: subjects.deadLetterAll }),
  ]);
  const found = await Promise.all(infos.map((info) => consumersOf(jsm, info)));
  const audit = infos.find(({ config }) => config.name === streams.audit);
  const counts = deadLetters.state.subjects;
  // Every work queue has a value, 0 included: an alert on an absent series never fires.
  const workQueues = [streams.executions, streams.refresh, streams.audit];
  return {
    streams: infos.map(({ config, state: { messages, bytes } }) => {
      return { stream: config.name, messages, bytes, limitBytes: config.max_bytes };
    }),
    consumers: found.flat(),
    deadLetters: new Map(workQueues.map((stream) => [stream, counts?.[subjects.deadLetter(stream)] ?? 0])),
    ingestLagSeconds: audit === undefined ? 0 : ageOfFirst(audit),
  };
}

async function consumersOf(jsm: JetStreamManager, stream: StreamInfo): Promise<ConsumerState[]> {
  const infos = await jsm.consumers.list(stream.config.name).next();
  return infos.flatMap(({ config, num_pending, num_ack_pending, num_redelivered }) => {
    // What others look something up with comes and goes, under a new name each time.
    if (config.durable_name === undefined) return [];
    return {
      ...{ stream: stream.config.name, consumer: config.durable_name },
      ...{ pending: num_pending, ackPending: num_ack_pending, redelivered: num_redelivered },
      oldestSeconds: stream.config.retention === RetentionPolicy.Workqueue ? ageOfFirst(stream) : undefined,
    };
  });
}

/** What is done leaves a work queue, so that its first message is the oldest that is not. */
function ageOfFirst({ state }: StreamInfo): number {
  return state.messages === 0 ? 0 : Math.max(0, (Date.now() - Date.parse(state.first_ts)) / 1000);
}
