import { request } from 'node:http';

export type TestBackend = 'embedded' | 'testcontainers' | 'external';

const BACKENDS: TestBackend[] = ['embedded', 'testcontainers', 'external'];

let detected: Promise<TestBackend> | undefined;

/** KEYWARD_TEST_BACKEND; by default containers when a Docker engine answers, else servers embedded in the test process. */
export function testBackend(): Promise<TestBackend> {
  detected ??= detect();
  return detected;
}

async function detect(): Promise<TestBackend> {
  const chosen = process.env['KEYWARD_TEST_BACKEND'];
  if (chosen === undefined || chosen === '') return (await dockerAnswers()) ? 'testcontainers' : 'embedded';
  const known = BACKENDS.find((backend) => backend === chosen);
  if (known === undefined) throw new Error(`KEYWARD_TEST_BACKEND=${chosen} is none of ${BACKENDS.join(', ')}.`);
  return known;
}

/** The engine's own liveness check (Docker Engine API, `GET /_ping`), over DOCKER_HOST when that is a socket or plain TCP. */
function dockerAnswers(): Promise<boolean> {
  const host = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
  const target = host.startsWith('unix://')
    ? { socketPath: host.slice('unix://'.length) }
    : { host: new URL(host.replace('tcp://', 'http://')).hostname, port: new URL(host.replace('tcp://', 'http://')).port };
  return new Promise((resolve) => {
    const ping = request({ ...target, path: '/_ping', timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(false));
    ping.end();
  });
}
