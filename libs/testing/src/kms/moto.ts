import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '@keyward/embedded';
import { runEmulator } from './run-emulator.js';
import { lastLine, type KmsOutcome, type KmsSource } from './source.js';

const run = promisify(execFile);

export const MOTO_VERSION = '5.2.5';
/** Without the extra `[server]`, which brings 200 MB for other services than the KMS. */
const REQUIREMENTS = [`moto==${MOTO_VERSION}`, 'flask==3.1.3', 'flask-cors==6.0.5'];
const INSTALL_TIMEOUT_MS = 10 * 60_000;
const APT_TIMEOUT_MS = 5 * 60_000;

type Say = (step: string) => void;

/** Two layouts: a virtual environment, or packages beside each other where Python has pip and no venv. */
interface Layout {
  python: string;
  env: NodeJS.ProcessEnv;
}

function home(): string {
  return join(cacheDir(), `moto-${MOTO_VERSION}`);
}

function layoutOf(directory: string): Layout | undefined {
  const python = join(directory, 'venv', 'bin', 'python3');
  if (existsSync(python)) return { python, env: process.env };
  const packages = join(directory, 'packages');
  if (existsSync(packages)) return { python: 'python3', env: { ...process.env, PYTHONPATH: packages } };
  return undefined;
}

function startMoto(layout: Layout): Promise<KmsOutcome> {
  return runEmulator({
    what: `moto ${MOTO_VERSION}`,
    command: layout.python,
    args: (port) => ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
    env: () => layout.env,
  });
}

export const presentMoto: KmsSource = async () => {
  const layout = layoutOf(home());
  return layout === undefined ? { why: `moto ${MOTO_VERSION}: not in our cache` } : startMoto(layout);
};

export const installedMoto: KmsSource = async (say) => {
  const staged = mkdtempSync(join(makeDirectory(cacheDir()), 'moto-install-'));
  try {
    await install(staged, say);
    moveInPlace(staged);
  } catch (thrown) {
    return { why: `moto ${MOTO_VERSION} from PyPI: ${lastLine(thrown)}` };
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
  return presentMoto(say);
};

function makeDirectory(directory: string): string {
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** A virtual environment works wherever it is moved, as long as it is started as `python -m`. Another process may be first. */
function moveInPlace(staged: string): void {
  try {
    renameSync(staged, home());
  } catch (thrown) {
    if (layoutOf(home()) === undefined) throw thrown;
  }
}

async function install(directory: string, say: Say): Promise<void> {
  const venv = join(directory, 'venv');
  const inVenv = async (): Promise<void> => {
    await run('python3', ['-m', 'venv', venv], { timeout: INSTALL_TIMEOUT_MS });
    say(`installing moto ${MOTO_VERSION} from PyPI (once; half a minute)`);
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', ...REQUIREMENTS];
    await run(join(venv, 'bin', 'python3'), pip, { timeout: INSTALL_TIMEOUT_MS });
  };
  if (await works('python3', ['-c', 'import venv, ensurepip'])) return inVenv();
  // Debian splits venv off. pip alone can also put packages into a directory, without touching the system's.
  if (await works('python3', ['-m', 'pip', '--version'])) return intoDirectory(join(directory, 'packages'), say);
  await installPython(say);
  return inVenv();
}

async function works(command: string, args: string[]): Promise<boolean> {
  return run(command, args, { timeout: 30_000 }).then(
    () => true,
    () => false,
  );
}

async function intoDirectory(packages: string, say: Say): Promise<void> {
  say(`installing moto ${MOTO_VERSION} from PyPI (once; half a minute)`);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', '--target', packages];
  await run('python3', [...pip, ...REQUIREMENTS], { timeout: INSTALL_TIMEOUT_MS });
}

/** Only where we may without asking anybody: as root, or with a sudo that wants no password. */
async function installPython(say: Say): Promise<void> {
  if (!(await works('apt-get', ['--version']))) throw new Error('python3 with venv is missing; install it');
  const root = process.getuid?.() === 0;
  const apt = async (...args: string[]): Promise<void> => {
    const command = ['apt-get', '-qq', ...args];
    const [program, ...rest] = root ? command : ['sudo', '-n', ...command];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run(program ?? 'apt-get', rest, { timeout: APT_TIMEOUT_MS, env });
  };
  say('installing python3-venv with apt-get');
  try {
    await apt('update');
    await apt('install', '-y', '--no-install-recommends', 'python3-venv');
  } catch (thrown) {
    throw new Error(
      `python3-venv is missing and could not be installed (run: apt-get install python3-venv): ${lastLine(thrown)}`,
    );
  }
}
