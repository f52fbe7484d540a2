import { findNatsServer } from './nats-finder.js';

/**
 * A program: makes sure that there is a nats-server before anything waits for one. Installing takes a minute or two the first time,
 * which would look like a failure to a test that starts a server and expects it within seconds.
 */
try {
  const { binary, version } = await findNatsServer({ onProgress: (step) => process.stdout.write(`${step}\n`) });
  process.stdout.write(`nats-server ${version}: ${binary}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
