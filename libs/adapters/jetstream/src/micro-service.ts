import { randomBytes } from 'node:crypto';
import type { KeywardError } from '@keyward/contracts';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { serveRequests, type RequestHandler, type RequestServer, type RequestServerOptions } from './request-server.js';

/** What discovery shows of a service (NATS ADR-32, "Service API"). */
export interface MicroServiceDescription {
  /** A-Z a-z 0-9 _ -. */
  name: string;
  /** SemVer. */
  version: string;
  description: string;
  /** Queue group of every endpoint: each request is answered by one of the replicas. */
  queue: string;
}

export interface MicroServiceEndpoint {
  subject: string;
  handle: RequestHandler;
}

interface EndpointStats {
  num_requests: number;
  num_errors: number;
  last_error: string;
  /** Nanoseconds, together. */
  processing_time: number;
}

const TYPE_PREFIX = 'io.nats.micro.v1.';
const NANOSECONDS = 1_000_000;

/**
 * Serves endpoints as one NATS micro-service: found, described and measured with `$SRV.PING|INFO|STATS[.<name>[.<id>]]`, as `nats micro`
 * does. Monitoring is answered by every replica, and, like the endpoints, never to a reply subject of the server's own: whoever may ask
 * could otherwise have us speak to `$JS.API` with our permissions.
 */
export function serveMicroService(
  nc: NatsConnection,
  description: MicroServiceDescription,
  endpoints: Readonly<Record<string, MicroServiceEndpoint>>,
  options: Pick<RequestServerOptions, 'logger' | 'bounds' | 'concurrency'> = {},
): RequestServer {
  const { name, version, queue } = description;
  const identity = { name, id: randomBytes(12).toString('hex'), version, metadata: {} };
  const started = new Date().toISOString();
  const served = Object.entries(endpoints).map(([endpoint, { subject, handle }]) => {
    const stats: EndpointStats = { num_requests: 0, num_errors: 0, last_error: '', processing_time: 0 };
    const observe = (durationMs: number, error: KeywardError | undefined) => count(stats, durationMs, error);
    const server = serveRequests(nc, subject, queue, handle, { ...options, observe });
    return { server, stats, shown: { name: endpoint, subject, queue_group: queue, metadata: {} } };
  });

  const answers: Record<string, () => object> = {
    PING: () => ({ type: `${TYPE_PREFIX}ping_response`, ...identity }),
    INFO: () => ({
      type: `${TYPE_PREFIX}info_response`,
      ...identity,
      description: description.description,
      endpoints: served.map(({ shown }) => shown),
    }),
    STATS: () => ({
      type: `${TYPE_PREFIX}stats_response`,
      ...identity,
      started,
      endpoints: served.map(({ shown, stats }) => ({ ...shown, ...stats, average_processing_time: average(stats) })),
    }),
  };
  const monitoring = Object.entries(answers).flatMap(([verb, answer]) => {
    const callback = (_error: Error | null, message: Msg) => {
      if (message.reply !== undefined && message.reply !== '' && !message.reply.startsWith('$')) {
        message.respond(JSON.stringify(answer()));
      }
    };
    return ['', `.${name}`, `.${name}.${identity.id}`].map((suffix) => nc.subscribe(`$SRV.${verb}${suffix}`, { callback }));
  });
  return {
    close: async () => {
      for (const subscription of monitoring) subscription.unsubscribe();
      await Promise.all(served.map(({ server }) => server.close()));
    },
  };
}

/** The error as its caller sees it: statistics are read by more people than logs. */
function count(stats: EndpointStats, durationMs: number, error: KeywardError | undefined): void {
  stats.num_requests++;
  stats.processing_time += Math.round(durationMs * NANOSECONDS);
  if (error === undefined) return;
  stats.num_errors++;
  stats.last_error = `${error.httpStatus}:${error.message}`;
}

function average({ num_requests: requests, processing_time: nanoseconds }: EndpointStats): number {
  return requests === 0 ? 0 : Math.round(nanoseconds / requests);
}
