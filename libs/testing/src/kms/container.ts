import { GenericContainer, Wait } from 'testcontainers';
import { MOTO_VERSION } from './moto.js';
import { kmsDefect } from './probe.js';
import { lastLine, type KmsSource } from './source.js';

const CONTAINER_PORT = 5000;

export const kmsInContainer: KmsSource = async (say) => {
  try {
    say('starting moto in a container');
    const container = await new GenericContainer(`motoserver/moto:${MOTO_VERSION}`)
      .withExposedPorts(CONTAINER_PORT)
      .withWaitStrategy(Wait.forListeningPorts())
      .start();
    const endpoint = `http://${container.getHost()}:${container.getMappedPort(CONTAINER_PORT)}`;
    const defect = await kmsDefect(endpoint);
    if (defect === undefined) {
      return { kms: { endpoint, what: `moto ${MOTO_VERSION} in a container`, stop: async () => void (await container.stop()) } };
    }
    await container.stop();
    return { why: `moto in a container: it ${defect}` };
  } catch (thrown) {
    return { why: `moto in a container: ${lastLine(thrown)}` };
  }
};
