import { getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers';

/** SIGKILL from outside, as a crash would be. `stop` of testcontainers could be called once only, and then never removed the container. */
export async function killContainer(container: StartedTestContainer): Promise<void> {
  const client = await getContainerRuntimeClient();
  await client.container.dockerode.getContainer(container.getId()).kill({ signal: 'SIGKILL' });
}
