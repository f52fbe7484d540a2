import { KeywardError, streams, subjects } from '@keyward/contracts';
import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';

const MIB = 1024 * 1024;
const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;

type Settings = Pick<
  StreamConfig,
  'name' | 'subjects' | 'retention' | 'storage' | 'discard' | 'max_bytes' | 'max_age' | 'duplicate_window'
>;

/**
 * A work queue that is full refuses: dropping the oldest would lose a call that its caller was promised. Publishers then fail with
 * `dependency_unavailable`.
 */
function workQueue(name: string, subject: string, maxBytes: number): Settings {
  return {
    ...{ name, subjects: [subject], retention: RetentionPolicy.Workqueue, storage: StorageType.File },
    ...{ discard: DiscardPolicy.New, max_bytes: maxBytes, max_age: 0, duplicate_window: nanos(120 * SECOND_MS) },
  };
}

/** A log that is full or old drops its oldest: its readers can look in Postgres. */
function history(name: string, subjectsOf: readonly string[], maxAgeMs: number, maxBytes: number): Settings {
  return {
    ...{ name, subjects: [...subjectsOf], retention: RetentionPolicy.Limits, storage: StorageType.File },
    ...{ discard: DiscardPolicy.Old, max_bytes: maxBytes, max_age: nanos(maxAgeMs), duplicate_window: nanos(120 * SECOND_MS) },
  };
}

/** The server sets these sizes aside on its disk, 2 GiB together, and refuses a stream for which there is no room. */
const TOPOLOGY: readonly Settings[] = [
  workQueue(streams.executions, subjects.executionRequestedAll, 256 * MIB),
  history(streams.results, [subjects.executionCompletedAll], DAY_MS, 1024 * MIB),
  workQueue(streams.refresh, subjects.credentialRefreshAll, 32 * MIB),
  history(
    streams.connections,
    [subjects.connectionEventAll, subjects.providerAppEventAll, subjects.budgetEventAll],
    7 * DAY_MS,
    64 * MIB,
  ),
  workQueue(streams.audit, subjects.auditAll, 512 * MIB),
  history(streams.deadLetters, [subjects.deadLetterAll], 30 * DAY_MS, 128 * MIB),
  // Advisories are core messages that nobody may be listening to when they are sent; this one names a message that is stuck.
  history(streams.advisories, ['$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>'], 30 * DAY_MS, 16 * MIB),
];

export interface TopologyOptions {
  /** Copies of each stream, on that many servers. Left out: 1 for a new stream, and one that exists stays as it is. */
  replicas?: number;
  /** Bytes per stream name, instead of the default size. */
  maxBytes?: Readonly<Record<string, number>>;
}

/**
 * Creates every stream, or brings one that exists to these settings, and reads them back: old servers ignore what they do not know
 * without a word. Safe to call from every service at once.
 * @throws KeywardError `dependency_unavailable`, with the server's reason as its cause
 */
export async function ensureTopology(nc: NatsConnection, options: TopologyOptions = {}): Promise<void> {
  const jsm = await jetstreamManager(nc);
  for (const settings of TOPOLOGY) {
    const max_bytes = options.maxBytes?.[settings.name] ?? settings.max_bytes;
    const replicas = options.replicas === undefined ? {} : { num_replicas: options.replicas };
    try {
      await ensureStream(jsm, { ...settings, max_bytes, ...replicas });
    } catch (cause) {
      throw new KeywardError('dependency_unavailable', `The stream ${settings.name} could not be set up.`, { cause });
    }
  }
}

async function ensureStream(jsm: JetStreamManager, wanted: Settings): Promise<void> {
  const found = await findStream(jsm, wanted.name);
  if (found === undefined) await jsm.streams.add(wanted);
  else if (differences(found, wanted).length > 0) await jsm.streams.update(wanted.name, { ...found.config, ...wanted });
  const result = await jsm.streams.info(wanted.name);
  const wrong = differences(result, wanted);
  if (wrong.length > 0) throw new Error(`stream ${wanted.name} did not take the settings ${wrong.join(', ')}`);
}

async function findStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return undefined;
    throw error;
  }
}

function differences(info: StreamInfo, wanted: Settings): string[] {
  const actual = info.config as unknown as Record<string, unknown>;
  return Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(actual[key]) !== JSON.stringify(value))
    .map(([key]) => key);
}
