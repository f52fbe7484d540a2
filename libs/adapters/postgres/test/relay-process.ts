/** Run as a process of its own: relays from the database named in its argument, says each id, and never finishes a publication. */
import { createDataSource } from '../src/data-source.js';
import { OutboxRelay } from '../src/outbox/relay.js';

const ds = createDataSource({ url: process.argv[2] ?? '', applicationName: 'relay-process' });
await ds.initialize();
const publish = (message: { id: string }): Promise<void> => {
  process.stdout.write(`${message.id}\n`);
  return new Promise(() => undefined);
};
new OutboxRelay(ds, publish, { logger: { info: () => undefined, warn: () => undefined } }).start();
