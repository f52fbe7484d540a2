import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dismissGuard } from '@keyward/embedded';
import { tellStory } from './demo/story.js';
import { Narrator } from './demo/narrator.js';
import { tellVendors, VENDORS } from './demo/vendors.js';
import { defaultDir } from './home/default-dir.js';
import { stackPaths } from './home/paths.js';
import { readSecrets } from './home/secrets.js';
import { readStackInfo } from './stack-info.js';
import { startStack, type StackOptions } from './stack.js';

const USAGE = `npm run demo [-- options]

The whole story, each step shown: connect, call over HTTP and NATS, an expired token, a foreign agent, disconnect, the audit trail.
Then the second chapter: one tool over two emulated vendors, calls that wait for a person, a storm of 429, a grant that ends.
It runs against the stack of \`npm start\`; where none runs, it starts one and stops it at the end. Where none runs that emulates the
vendors, the second chapter is told on a stack that is made for it and removed at the end.

  --dir DIR     the stack's directory (default .keyward, or KEYWARD_HOME)
  --skip-vendors
                the first chapter alone
  --help        this text

Exits 0 when everything went as told, 1 otherwise.`;

const write = (text: string): void => void process.stdout.write(text);

type Chapter = (dir: string) => Promise<void>;

async function onNewStack(options: StackOptions, chapter: Chapter): Promise<void> {
  const stack = await startStack(options);
  try {
    await chapter(options.dir);
  } finally {
    write('\nStopping the stack …\n');
    await stack.stop();
  }
}

/** A stack that is made for a chapter, and gone with it: one that emulates vendors does so for good. */
async function onPassingStack(signal: AbortSignal, chapter: Chapter): Promise<void> {
  write('\nFor the vendors: starting a stack that emulates them, for a while.\n');
  const dir = mkdtempSync(join(tmpdir(), 'keyward-demo-'));
  try {
    await onNewStack({ dir, emulate: VENDORS, signal }, chapter);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function emulates(dir: string): boolean {
  const emulated = readStackInfo(dir)?.emulated ?? [];
  return VENDORS.every((name) => emulated.includes(name));
}

function told(tell: typeof tellStory, narrator: Narrator, signal: AbortSignal): Chapter {
  const interrupted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  return async (dir) => {
    const info = readStackInfo(dir);
    if (info === undefined) throw new Error('the stack stopped meanwhile');
    const { managementToken } = readSecrets(stackPaths(dir)).sandbox;
    await Promise.race([tell(info, managementToken, narrator), interrupted]);
  };
}

async function demo(signal: AbortSignal): Promise<void> {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string' },
      'skip-vendors': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return write(`${USAGE}\n`);
  const dir = values.dir === undefined ? defaultDir() : resolve(process.env['INIT_CWD'] ?? process.cwd(), values.dir);
  const narrator = new Narrator(write);
  const story = told(tellStory, narrator, signal);
  const vendors = values['skip-vendors'] ? undefined : told(tellVendors, narrator, signal);
  const isRunning = readStackInfo(dir) !== undefined;
  write(isRunning ? `Using the stack that runs on ${dir}.\n` : `No stack runs on ${dir}: starting one.\n`);
  if (isRunning) await story(dir);
  else await onNewStack({ dir, usualPorts: true, signal }, story);
  if (vendors !== undefined) {
    if (emulates(dir)) await vendors(dir);
    else await onPassingStack(signal, vendors);
  }
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
