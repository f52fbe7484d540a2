import type { KeywardError } from '@keyward/contracts';
import type { NatsConnection } from '@nats-io/transport-node';
import type { LogPort } from '../log-port.js';
import type { Delivery } from './delivery.js';

export interface JetStreamServerOptions {
  nc: NatsConnection;
  logger: LogPort;
  stream: string;
  /** The consumer's name, shared by all replicas. */
  durable: string;
  /** Subject filter; also the pattern of the `@EventPattern` handler that gets the messages. Disjoint from other consumers' on a work queue. */
  filter: string;
  /** Messages handled at a time in this process. */
  concurrency: number;
  /** Silence after which the server gives a message to someone else. Work in progress is reported every third of it. */
  ackWaitMs: number;
  /** Deliveries before a message becomes a dead letter. */
  maxDeliver: number;
  /** Pause before the 2nd, 3rd … delivery; the last one repeats. Jitter is added. */
  backoff?: readonly number[];
  /** Past it nobody waits for this message: its signal aborts and its heartbeat ends. */
  deadline?: (delivery: Delivery) => Date | undefined;
  /** How long close() lets handlers run before their signal aborts. */
  drainGraceMs?: number;
  /** What the asker is told when a message is given up; left out, it is told nothing. */
  failureReply?: (error: KeywardError) => object;
}
