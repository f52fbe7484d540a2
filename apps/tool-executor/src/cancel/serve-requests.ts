import {
  executionAddressSchema,
  executionRequests,
  parseOrThrow,
  type CancelReply,
  type ExecutionAddress,
  type WaitingReply,
} from '@keyward/contracts';
import { broadcastCancelled, linkOf, onCancelled, serveRequests, type RequestServer } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { InFlight } from '../bus/in-flight.js';
import { tellEnd, type EndTellers } from '../waiting/tell-end.js';
import { waitingFor } from '../waiting/waiting.js';
import type { WaitingRows } from '../waiting/waiting-rows.js';
import { cancelled, type Cancellations } from './cancellations.js';

const QUEUE = 'tool-executor';

export interface CancelOptions extends EndTellers {
  nc: NatsConnection;
  rows: Pick<WaitingRows, 'cancel' | 'cancellations' | 'find' | 'told'>;
  cancellations: Cancellations;
  inFlight: Pick<InFlight, 'cancel'>;
  logger: Logger;
}

/**
 * What the gateway asks of executions by their id, whichever executor has them. What waits is ended here; what runs is ended by whoever runs
 * it; what is queued, by whoever takes it up: that it is to end was told all of them, and whoever starts or reconnects looks it up.
 *
 * @returns once what was cancelled lately is known, so that no message is taken before
 */
export async function serveExecutionRequests(options: CancelOptions): Promise<RequestServer> {
  const { nc, logger } = options;
  const apply = (address: ExecutionAddress) => {
    options.cancellations.add(address);
    options.inFlight.cancel(address, cancelled());
  };
  onCancelled(nc, apply, logger);
  const lookUp = async () => (await options.rows.cancellations()).forEach(apply);
  linkOf(nc).onReconnect(
    () => void lookUp().catch((error: unknown) => logger.warn({ err: error }, 'cancellations may be missed')),
  );
  await lookUp();
  const servers = [
    serveRequests(nc, executionRequests.cancel, QUEUE, (payload) => cancel(options, addressIn(payload)), { logger }),
    serveRequests(nc, executionRequests.waiting, QUEUE, (payload) => waits(options, addressIn(payload)), { logger }),
  ];
  return { close: async () => void (await Promise.all(servers.map((server) => server.close()))) };
}

async function cancel(options: CancelOptions, address: ExecutionAddress): Promise<CancelReply> {
  const ended = await options.rows.cancel(address);
  if (ended !== undefined) return { outcome: 'ended', result: await tellEnd(options, ended) };
  await broadcastCancelled(options.nc, address);
  return { outcome: 'noted' };
}

async function waits({ rows }: CancelOptions, address: ExecutionAddress): Promise<WaitingReply> {
  const standing = await rows.find(address);
  if (standing?.state === 'waiting') return { outcome: 'waiting', waitingFor: waitingFor(standing) };
  // One that has ended, too: its outcome is being told.
  return { outcome: standing === undefined ? 'absent' : 'taken_up' };
}

function addressIn(payload: unknown): ExecutionAddress {
  return parseOrThrow(executionAddressSchema, payload);
}
