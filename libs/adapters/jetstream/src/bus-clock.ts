import { streams } from '@keyward/contracts';
import { AckPolicy, DeliverPolicy, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { linkOf } from './link.js';
import type { LogPort } from './log-port.js';

const LEARN_EVERY_MS = 60_000;
/** Of several readings the one that took least says it best; one that took no longer than this is good enough. */
const READINGS = 3;
const QUICK_MS = 5;
const PROBE_LASTS_MS = 5_000;

interface Reading {
  /** Of `performance.now()`, for which `busMs` is meant. */
  at: number;
  /** Milliseconds since 1970, by the server's clock. */
  busMs: number;
  /** How long asking took: it is wrong by half of this at most. */
  tookMs: number;
}

/** The clock by which the bus stamps its messages, known here to some milliseconds whatever this machine's own clock says. */
export interface BusClock {
  /** Milliseconds since 1970, by the server that keeps the stream. */
  now(): number;
  stop(): void;
}

/**
 * Learns the bus's clock from an answer of the stream's server and follows it with a clock that nobody sets, asking again every minute and
 * after each reconnect. While it can not be asked the last answer counts: clocks drift by milliseconds an hour.
 *
 * @param stream whose messages are to be dated
 * @throws what the server answered, where it can not be learnt at all
 */
export async function startBusClock(nc: NatsConnection, stream: string, logger: LogPort): Promise<BusClock> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  let known = await bestReading(jsm, stream);
  let learning = false;
  const learn = async () => {
    if (learning || !linkOf(nc).up || nc.isClosed()) return;
    learning = true;
    try {
      known = await bestReading(jsm, stream);
    } catch (error) {
      logger.warn({ err: error, stream }, 'the clock of the bus could not be read again');
    } finally {
      learning = false;
    }
  };
  const timer = setInterval(() => void learn(), LEARN_EVERY_MS).unref();
  const forget = linkOf(nc).onReconnect(() => void learn());
  return {
    now: () => known.busMs + performance.now() - known.at,
    stop: () => {
      clearInterval(timer);
      forget();
    },
  };
}

async function bestReading(jsm: JetStreamManager, stream: string): Promise<Reading> {
  let best = await read(jsm, stream);
  for (let reading = 1; reading < READINGS && best.tookMs > QUICK_MS; reading++) {
    const next = await read(jsm, stream);
    if (next.tookMs < best.tookMs) best = next;
  }
  return best;
}

async function read(jsm: JetStreamManager, stream: string): Promise<Reading> {
  const asked = performance.now();
  const said = (await jsm.streams.info(stream)) as { ts?: string };
  if (said.ts !== undefined) return readingOf(said.ts, asked);
  return readCreation(jsm);
}

/**
 * Servers before 2.10 do not say what time it is; but when a consumer was made, they do. It is deleted at once. Of another stream than the
 * one that is meant, as a work queue does not suffer a second consumer: in a cluster, of a server that should have the same time.
 */
async function readCreation(jsm: JetStreamManager): Promise<Reading> {
  const asked = performance.now();
  const { name, created } = await jsm.consumers.add(streams.results, {
    ...{ ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.New },
    ...{ inactive_threshold: nanos(PROBE_LASTS_MS), mem_storage: true },
  });
  const reading = readingOf(created, asked);
  await jsm.consumers.delete(streams.results, name).catch(() => undefined);
  return reading;
}

/** @param said RFC 3339 with nanoseconds */
function readingOf(said: string, asked: number): Reading {
  const answered = performance.now();
  const busMs = Date.parse(said);
  if (Number.isNaN(busMs)) throw new Error('the server’s time is not a time');
  return { at: (asked + answered) / 2, busMs, tookMs: answered - asked };
}
