import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dismissGuard, removeWhenGone } from '@keyward/embedded';
import { defaultDir, readStackInfo } from '@keyward/stack';
import { check, TIME_FACTOR } from './check/check.js';
import { ensurePrometheus } from './prometheus/ensure.js';
import { watch } from './watch.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CONSOLES = join(ROOT, 'tools', 'observe', 'consoles');

const USAGE = `npm run observe [-- options]

Starts Prometheus on the stack of npm start, with the alerts of the Helm chart (helm/keyward/alerts).
Where there is no Prometheus, Debian's package is unpacked into the user's cache (KEYWARD_CACHE_DIR).

  --dir DIR     the stack's directory (default .keyward, or KEYWARD_HOME)
  --port N      of Prometheus (default 9090 where it is free, else any)
  --check       unattended: starts a stack of its own, lets the sandbox refuse tokens, and shows that the 401 alert goes from
                inactive over pending to firing, and resolves when the storm is over. Time in the rules runs ${TIME_FACTOR} times
                as fast for that; it takes two minutes
  --help        this text

Ctrl-C stops Prometheus. --check exits with 0 when the alert fired and resolved, with 1 otherwise.`;

const write = (line: string): void => void process.stdout.write(`${line}\n`);

interface Options {
  dir: string;
  port: number | undefined;
  check: boolean;
}

/** Called with options that there are not, or that do not go together. */
class Misused extends Error {}

const OPTIONS = {
  dir: { type: 'string' },
  port: { type: 'string' },
  check: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function parsedArguments(): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'] {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new Misused(error instanceof Error ? error.message : String(error));
  }
}

/** @throws Misused */
function readOptions(): Options | undefined {
  const values = parsedArguments();
  if (values.help) return undefined;
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535))
    throw new Misused('--port takes a number from 1 to 65535.');
  if (values.check && (values.dir !== undefined || port !== undefined))
    throw new Misused('--check starts a stack of its own on free ports; --dir and --port do not go with it.');
  const dir = values.dir === undefined ? defaultDir() : resolve(process.env['INIT_CWD'] ?? process.cwd(), values.dir);
  return { dir, port, check: values.check };
}

async function onOwnStack(prometheus: string, signal: AbortSignal): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'keyward-observed-'));
  removeWhenGone(dir);
  try {
    await check({ root: ROOT, dir, consoles: CONSOLES, prometheus, signal, write });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function main(signal: AbortSignal): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    write(USAGE);
    return 0;
  }
  const info = options.check ? undefined : readStackInfo(options.dir);
  if (!options.check && info === undefined)
    throw new Error(
      `No stack runs on ${options.dir}. Start one in another terminal: npm start\n(Or see alerts fire on a stack of its own: npm run observe -- --check)`,
    );
  const { prometheus } = await ensurePrometheus({ onProgress: (step) => write(`  ${step}`), signal });
  if (info !== undefined) {
    await watch({ root: ROOT, info, consoles: CONSOLES, prometheus, port: options.port, signal, write });
    write('Prometheus is stopped.');
    return 0;
  }
  await onOwnStack(prometheus, signal);
  write('\nThe alert fired for the storm, and resolved after it.');
  return 0;
}

const stopping = new AbortController();
const stop = (): void => stopping.abort(new Error('interrupted'));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
process.on('disconnect', stop);
process.stdout.on('error', () => undefined);

let code: number;
try {
  code = await main(stopping.signal);
} catch (error) {
  const called = error instanceof Misused;
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n${called ? `\n${USAGE}\n` : ''}`);
  code = stopping.signal.aborted ? 130 : called ? 2 : 1;
}
await dismissGuard();
process.exit(code);
