import { streams, subjects, type ExecutionAddress } from '@keyward/contracts';
import { JetStreamApiCodes, JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/** Of an execution that the bus holds: whether it was given to somebody yet. */
export type Queued = 'queued' | 'running';

/**
 * Whether stream EXECUTIONS still holds this execution, which it does from the moment it was accepted until its outcome is stored. Costs
 * whoever asks two round trips, and a call that nobody asks about nothing.
 *
 * @throws what the server answered
 */
export async function lookUpQueued(
  nc: NatsConnection,
  durable: string,
  { org, agent, execution }: ExecutionAddress,
): Promise<Queued | undefined> {
  const manager = await jetstreamManager(nc, { checkAPI: false });
  const subject = subjects.executionRequested(org, agent, execution);
  const message = await manager.streams.getMessage(streams.executions, { last_by_subj: subject });
  if (message === null) return undefined;
  try {
    const { delivered } = await manager.consumers.info(streams.executions, durable);
    return message.seq <= delivered.stream_seq ? 'running' : 'queued';
  } catch (error) {
    // No executor was ever there.
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound) return 'queued';
    throw error;
  }
}
