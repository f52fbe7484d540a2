import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readinessBlock } from './cli/readiness-block.js';
import { runUntilStopped } from './cli/run-until-stopped.js';
import { parseEmulated } from './emulate/emulatable.js';
import { defaultDir } from './home/default-dir.js';
import { startStack } from './stack.js';

const USAGE = `npm start [-- options]

Starts Keyward on this machine: PostgreSQL, nats-server, the five services and a sandbox provider to connect to.
Data, secrets and logs are kept in .keyward; a second start continues with them.

  --reset       start clean: removes what earlier runs kept
  --dir DIR     keep everything in DIR instead (or set KEYWARD_HOME)
  --ttl SECONDS lifetime of the sandbox's access tokens (default 120)
  --emulate NAMES
                vendors that the sandbox provider stands for, as their contracts describe them, such as asana,linear
                (or set KEYWARD_EMULATE); a name that is none tells which there are. The directory's later starts go on with it
  --help        this text

What docs/telemetry.md has of OTEL_*, KEYWARD_TRACE_* and KEYWARD_LOG_* is handed on to every service.

Ctrl-C stops everything.`;

function readArguments(): { reset: boolean; dir: string; ttl: number | undefined; emulate: string[] } | undefined {
  const { values } = parseArgs({
    options: {
      reset: { type: 'boolean', default: false },
      dir: { type: 'string' },
      ttl: { type: 'string' },
      emulate: { type: 'string', default: process.env['KEYWARD_EMULATE'] ?? '' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const ttl = values.ttl === undefined ? undefined : Number(values.ttl);
  if (ttl !== undefined && !(Number.isInteger(ttl) && ttl >= 1 && ttl <= 86_400)) {
    throw new Error('--ttl takes whole seconds, from 1 to 86400.');
  }
  const base = process.env['INIT_CWD'] ?? process.cwd();
  return {
    reset: values.reset,
    dir: values.dir === undefined ? defaultDir() : resolve(base, values.dir),
    ttl,
    emulate: values.emulate === '' ? [] : parseEmulated(values.emulate),
  };
}

/** How services are watched is a matter of who starts them; all else is the stack's. */
function telemetrySettings(env: NodeJS.ProcessEnv): Record<string, string> {
  const wanted = Object.entries(env).filter(([name]) => /^(OTEL_|KEYWARD_TRACE_|KEYWARD_LOG_)/.test(name));
  return Object.fromEntries(wanted.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

await runUntilStopped(async (signal) => {
  const chosen = readArguments();
  if (chosen === undefined) {
    process.stdout.write(`${USAGE}\n`);
    return undefined;
  }
  const startedAt = Date.now();
  const { dir, reset, ttl, emulate } = chosen;
  process.stdout.write(`\nStarting Keyward in ${dir}\n`);
  const stack = await startStack({
    dir,
    reset,
    emulate,
    usualPorts: true,
    signal,
    env: telemetrySettings(process.env),
    ...(ttl === undefined ? {} : { accessTokenTtlSeconds: ttl }),
  });
  try {
    process.stdout.write(await readinessBlock(stack, Date.now() - startedAt));
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
});
