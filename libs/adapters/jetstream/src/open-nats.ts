import type { NatsConnection } from '@nats-io/transport-node';
import { connectNats, natsHealth } from './connect.js';
import type { LogPort } from './log-port.js';

/** What opening a connection needs of the service that does it. */
export interface ConnectionOwner {
  readonly name: string;
  readonly logger: LogPort;
  addReadiness(name: string, check: () => Promise<void>): void;
  waitFor<T>(dependency: string, attempt: () => Promise<T>): Promise<T>;
}

/**
 * A service's connection to the bus: waited for at start, part of its readiness. Closing is the owner's.
 * @param dependency what is waited for, as people read it, where a service has more than one connection
 */
export async function openNats(
  owner: ConnectionOwner,
  settings: { servers: string[]; credsFile?: string },
  dependency = 'NATS',
): Promise<NatsConnection> {
  const { name, logger } = owner;
  const nats = await owner.waitFor(dependency, () => connectNats({ ...settings, name, logger }));
  owner.addReadiness(dependency, () => natsHealth(nats));
  return nats;
}
