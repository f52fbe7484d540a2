import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take the ports of outgoing connections and of servers that name none (32768 on Linux, 49152 on
 * macOS): between this answer and its use nobody is given the port by chance.
 */
const [FIRST, LAST] = [10_240, 32_767];
const ATTEMPTS = 50;

/** A port of 127.0.0.1 that was free a moment ago; whoever takes it must be ready to find it taken after all. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST, LAST + 1);
    if (await portIsFree(port)) return port;
  }
  throw new Error(`no free port was found between ${FIRST} and ${LAST}`);
}

/** Whether this process could listen on 127.0.0.1:`port` right now. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
