import type { AuditPort } from '@keyward/audit';
import type { JetStreamBatchServer, Publisher } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { InFlight } from '../bus/in-flight.js';
import { Cancellations } from '../cancel/cancellations.js';
import { serveExecutionRequests } from '../cancel/serve-requests.js';
import type { ExecutionRows } from '../intent/execution-rows.js';
import { connectionEvents } from './hear-connections.js';
import { noticesOverNats, type Notices } from './notices.js';
import { Sweeper } from './sweeper.js';
import { Waiting } from './waiting.js';
import { WaitingRows } from './waiting-rows.js';

export interface WaitingOptions {
  database: DataSource;
  nats: NatsConnection;
  publisher: Publisher;
  audit: AuditPort;
  executions: ExecutionRows;
  inFlight: InFlight;
  logger: Logger;
  waitFor<T>(dependency: string, attempt: () => Promise<T>): Promise<T>;
  onDrain(name: string, close: () => Promise<void> | void): void;
}

export interface WaitingParts {
  waiting: Waiting;
  cancellations: Cancellations;
  notices: Notices;
  /** To be served like the other messages. */
  events: JetStreamBatchServer;
}

/** What waits for people, and what is cancelled: everything around it, at work when this resolves. */
export async function createWaiting(options: WaitingOptions): Promise<WaitingParts> {
  const { database, nats, publisher, audit, executions, inFlight, logger, waitFor, onDrain } = options;
  const rows = new WaitingRows(database);
  const cancellations = new Cancellations();
  const notices = noticesOverNats(nats, logger);
  const tellers = { rows, executions, audit, publisher, notices };
  const requests = await waitFor('cancellations', () =>
    serveExecutionRequests({ ...tellers, nc: nats, cancellations, inFlight, logger }),
  );
  const sweeper = new Sweeper({ ...tellers, logger });
  sweeper.start();
  onDrain('requests about executions', () => requests.close());
  onDrain('what waits', () => sweeper.stop());
  return { waiting: new Waiting(rows), cancellations, notices, events: connectionEvents({ nc: nats, rows, publisher, logger }) };
}
