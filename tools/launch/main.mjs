import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { build } from './build.mjs';
import { install, isInstalled } from './install.mjs';
import { withLock } from './lock.mjs';
import { Failure, modules, pinnedNode, root } from './paths.mjs';

/** Services need Node 24's language and modules; only where the pinned one does not run (musl) may another do. */
const OLDEST_RUNTIME = 24;
const PARENT_CHECK_MS = 1_000;

/** Runs sources as they are, so that a proof is never one of a stale build. */
const FROM_SOURCE = ['--conditions=@keyward/source', '--no-warnings', '--import', './test/support/source-loader.mjs'];
const ENSURE_NATS = [join(root, 'tools/embedded/dist/ensure-nats.js')];

const JEST = ['--experimental-vm-modules', '--no-warnings', join(modules, 'jest', 'bin', 'jest.js')];

/** `supervised`: tied to our life by a channel, since it has children of its own to stop. `first`: run before, and must succeed. */
const COMMANDS = {
  start: { program: [join(root, 'tools/stack/dist/start.js')], supervised: true },
  demo: { program: [join(root, 'tools/stack/dist/demo.js')], supervised: true },
  bench: { program: [join(root, 'tools/bench/dist/main.js')], supervised: true },
  soak: { program: [join(root, 'tools/bench/dist/soak.js')], supervised: true },
  simulate: { program: [join(root, 'tools/bench/dist/simulate.js')], supervised: false },
  'e2e:cluster': { first: ENSURE_NATS, program: [join(root, 'tools/cluster/dist/main.js')], supervised: true },
  image: { program: [join(root, 'tools/images/assemble.mjs')], supervised: false },
  contracts: { program: [...FROM_SOURCE, join(root, 'tools/contracts/src/main.ts')], supervised: false },
  'verify:k8s': { program: [...FROM_SOURCE, join(root, 'tools/verify/src/main.ts')], supervised: false },
  observe: { program: [join(root, 'tools/observe/dist/main.js')], supervised: true },
  test: { first: ENSURE_NATS, program: JEST, supervised: false },
  'test:faults': { first: ENSURE_NATS, program: [...FROM_SOURCE, join(root, 'test/faults/main.ts')], supervised: true },
  /** For tests that start services: builds what is stale, and installs nothing under a run that uses it. */
  build: { program: undefined, supervised: false },
};

export async function main([name, ...args]) {
  const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : undefined;
  if (command === undefined) {
    console.error(`Usage: node tools/launch/launch.mjs ${Object.keys(COMMANDS).join('|')} [arguments]`);
    process.exitCode = 2;
    return;
  }
  try {
    const node = await prepare(command.program !== undefined);
    if (command.first !== undefined && spawnSync(node, command.first, { cwd: root, stdio: 'inherit' }).status !== 0)
      throw new Failure('The tests need a nats-server; the lines above say what to do.');
    if (command.program !== undefined) handOver(node, [...command.program, ...args], command.supervised);
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

async function prepare(mayInstall) {
  return withLock(async () => {
    if (!isInstalled()) {
      if (!mayInstall) throw new Failure('Dependencies are missing or stale. Install them: npm ci');
      await install();
    }
    const node = usableNode();
    await build(node);
    return node;
  });
}

function usableNode() {
  if (spawnSync(pinnedNode, ['--version']).status === 0) return pinnedNode;
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_RUNTIME) return process.execPath;
  throw new Failure(
    `The Node 24 that npm installed does not run here (${pinnedNode}: is this a system without glibc?).\n` +
      'Install Node 24 from your system, then try again.',
  );
}

function handOver(node, args, supervised) {
  const child = spawn(node, args, {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', ...(supervised ? ['ipc'] : [])],
    env: {
      ...process.env,
      PATH: `${join(modules, '.bin')}${delimiter}${process.env.PATH ?? ''}`,
      NX_DAEMON: 'false',
      // Where the user called from: relative paths among the arguments are theirs.
      INIT_CWD: process.env.INIT_CWD ?? process.cwd(),
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const stopWatching = supervised ? watchParent(child) : () => undefined;
  child.once('error', (error) => {
    console.error(`${node} could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    stopWatching();
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

/**
 * npm that is killed outright passes nothing on; that our parent is another one tells it (the scripts say `exec`, so that no shell is
 * between). Started by hand, we may outlive a shell.
 */
function watchParent(child) {
  if (process.env.npm_lifecycle_event === undefined) return () => undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM');
  }, PARENT_CHECK_MS);
  return () => clearInterval(timer);
}
