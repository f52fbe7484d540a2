import { freePort, natsConfiguration, PINNED_NATS_VERSION } from '@keyward/embedded';
import type { NatsOperator } from '@keyward/nats-accounts';
import { GenericContainer, Wait } from 'testcontainers';
import { killContainer } from './kill-container.js';

const CONTAINER_PORT = 4222;

export interface ContainerNatsOptions {
  operator?: NatsOperator;
  maxStoreBytes?: number;
}

/** nats-server in a container, with the configuration that the embedded one gets. Its host port survives a restart. */
export async function containerNats(options: ContainerNatsOptions): Promise<{
  url: string;
  port: number;
  version: string;
  stop(): Promise<void>;
  kill(): Promise<void>;
  restart(): Promise<void>;
}> {
  const port = await freePort();
  const content = natsConfiguration({ ...options, listen: `0.0.0.0:${CONTAINER_PORT}`, jetstreamDir: '/data/jetstream' });
  const container = await new GenericContainer(`nats:${PINNED_NATS_VERSION}-alpine`)
    .withExposedPorts({ container: CONTAINER_PORT, host: port })
    .withCopyContentToContainer([{ content, target: '/etc/keyward-nats.conf' }])
    .withCommand(['nats-server', '-c', '/etc/keyward-nats.conf'])
    .withWaitStrategy(Wait.forAll([Wait.forLogMessage('Server is ready'), Wait.forListeningPorts()]))
    .start();
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    version: PINNED_NATS_VERSION,
    stop: async () => void (await container.stop({ timeout: 1_000 })),
    kill: () => killContainer(container),
    restart: () => container.restart(),
  };
}
