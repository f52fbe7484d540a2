import type { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import type { Destination } from './destination.js';
import { Forwarder, type ForwarderLog } from './forwarder.js';
import type { Encoding } from './message.js';
import { createForwardMetrics } from './metrics.js';
import { otlpEncoding } from './otlp-encoding.js';
import { Positions } from './positions.js';
import { Sender } from './send.js';
import { webhookEncoding } from './webhook-encoding.js';

export interface ForwardingOptions {
  database: DataSource;
  destinations: readonly Destination[];
  registry: Registry;
  log: ForwarderLog;
  /** As in metrics and traces. */
  service: string;
}

export interface Forwarding {
  stop(): Promise<void>;
}

/** Starts a forwarder for each destination, apart from the others: none waits for another. */
export async function startForwarding({
  database,
  destinations,
  registry,
  log,
  service,
}: ForwardingOptions): Promise<Forwarding> {
  const metrics = createForwardMetrics(
    registry,
    destinations.map(({ name }) => name),
    () => lagsOf(database, destinations),
  );
  const forwarders: Forwarder[] = [];
  for (const destination of destinations) {
    const sender = new Sender(destination, await encodingOf(destination, service));
    forwarders.push(new Forwarder({ database, destination, sender, metrics, log }));
    const { name, kind, url } = destination;
    if (url.startsWith('http://')) log.warn({ destination: name }, 'the trail goes to this destination without TLS');
    log.info({ destination: name, kind }, 'the trail is forwarded to a destination');
  }
  for (const forwarder of forwarders) forwarder.start();
  return { stop: async () => void (await Promise.all(forwarders.map((forwarder) => forwarder.stop()))) };
}

function encodingOf(destination: Destination, service: string): Promise<Encoding> | Encoding {
  return destination.kind === 'otlp_logs' ? otlpEncoding(service) : webhookEncoding(destination.format);
}

async function lagsOf(database: DataSource, destinations: readonly Destination[]): Promise<Map<string, number>> {
  if (destinations.length === 0) return new Map();
  return database.transaction(async (em) => {
    await em.query(`SET LOCAL keyward.org = '*'`);
    const lags = new Map<string, number>();
    for (const destination of destinations) lags.set(destination.name, await new Positions(destination).lag(em));
    return lags;
  });
}
