import type { NatsConnection } from '@nats-io/transport-node';
import { Counter, type Registry } from 'prom-client';
import { connectNats, natsHealth } from './connect.js';
import { linkOf } from './link.js';
import type { LogPort } from './log-port.js';

/** What opening a connection needs of the service that does it. */
export interface ConnectionOwner {
  readonly name: string;
  readonly logger: LogPort;
  readonly metrics: Registry;
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
  countReconnects(owner.metrics, nats);
  owner.addReadiness(dependency, () => natsHealth(nats));
  return nats;
}

const RECONNECTS = 'nats_reconnects_total';

/** Of all connections of a service together. */
function countReconnects(registry: Registry, nats: NatsConnection): void {
  const help = 'Times that a connection to NATS was lost and had again.';
  const known = registry.getSingleMetric(RECONNECTS);
  const reconnects = known instanceof Counter ? known : new Counter({ name: RECONNECTS, help, registers: [registry] });
  linkOf(nats).onReconnect(() => reconnects.inc());
}
