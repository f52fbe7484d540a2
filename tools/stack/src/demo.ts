import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dismissGuard } from '@keyward/embedded';
import { tellStory } from './demo/story.js';
import { Narrator } from './demo/narrator.js';
import { defaultDir } from './home/default-dir.js';
import { stackPaths } from './home/paths.js';
import { readSecrets } from './home/secrets.js';
import { readStackInfo } from './stack-info.js';
import { startStack } from './stack.js';

const USAGE = `npm run demo [-- options]

The whole story, each step shown: connect, call over HTTP and NATS, an expired token, a foreign agent, disconnect, the audit trail.
It runs against the stack of \`npm start\`; where none runs, it starts one and stops it at the end.

  --dir DIR     the stack's directory (default .keyward, or KEYWARD_HOME)
  --help        this text

Exits 0 when everything went as told, 1 otherwise.`;

const write = (text: string): void => void process.stdout.write(text);

async function withStack(dir: string, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  if (readStackInfo(dir) !== undefined) {
    write(`Using the stack that runs on ${dir}.\n`);
    return work();
  }
  write(`No stack runs on ${dir}: starting one.\n`);
  const stack = await startStack({ dir, usualPorts: true, signal });
  try {
    await work();
  } finally {
    write('\nStopping the stack …\n');
    await stack.stop();
  }
}

async function demo(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({ options: { dir: { type: 'string' }, help: { type: 'boolean', default: false } } });
  if (values.help) return write(`${USAGE}\n`);
  const dir = values.dir === undefined ? defaultDir() : resolve(process.env['INIT_CWD'] ?? process.cwd(), values.dir);
  const interrupted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  const story = async (): Promise<void> => {
    const info = readStackInfo(dir);
    if (info === undefined) throw new Error('the stack stopped meanwhile');
    const { managementToken } = readSecrets(stackPaths(dir)).sandbox;
    await Promise.race([tellStory(info, managementToken, new Narrator(write)), interrupted]);
  };
  await withStack(dir, story, signal);
  write('\nAll of it went as told.\n');
}

const stopping = new AbortController();
const stop = (): void => stopping.abort(new Error('interrupted'));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
process.on('disconnect', stop);

try {
  await demo(stopping.signal);
  await dismissGuard();
  process.exit(0);
} catch (error) {
  process.stderr.write(`\nThe demo stops here: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
