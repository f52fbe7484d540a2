import { freePort } from '@keyward/embedded';
import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { killContainer } from './kill-container.js';

const IMAGE = 'postgres:18-alpine';

/** The same server in a container. Its host port is chosen by us: Docker would choose another one at a restart. */
export async function containerPostgres(): Promise<{
  url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  remove(): Promise<void>;
}> {
  const container = await new PostgreSqlContainer(IMAGE)
    .withDatabase('keyward')
    .withUsername('postgres')
    .withExposedPorts({ container: 5432, host: await freePort() })
    .withCommand(['postgres', '-c', 'fsync=off', '-c', 'max_connections=200'])
    .start();
  const url = container.getConnectionUri().replace('localhost', '127.0.0.1');
  return {
    url,
    kill: () => killContainer(container),
    restart: () => container.restart(),
    remove: async () => void (await container.stop({ timeout: 0 })),
  };
}
