import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cacheDir } from './cache-dir.js';
import { installFromDocker, installFromGo, installFromPackages, type InstallAttempt } from './nats-install.js';
import { isSupported, natsVersion, OLDEST_SUPPORTED, type NatsBinary } from './nats-version.js';

/** What is installed when there is none: in step with go.sum's record of it, which the Go tool checks. */
export const PINNED_NATS_VERSION = '2.15.2';

export interface FindNatsOptions {
  /** Told what is being done, one sentence a step. */
  onProgress?: (step: string) => void;
  /** Gives an installation up. */
  signal?: AbortSignal;
}

/** Where the cached program lies; another version goes to another directory, so that two clones do not fight. */
export function cachedNatsServer(): string {
  return join(cacheDir(), `nats-server-${PINNED_NATS_VERSION}`, 'nats-server');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** PATH, and the places that Debian and Homebrew use but that an ordinary user's PATH may lack. */
function installedCandidates(): string[] {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory.startsWith('/'));
  const more = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];
  return [...new Set([...directories, ...more])].map((directory) => join(directory, 'nats-server')).filter(isExecutable);
}

async function supported(binary: string): Promise<NatsBinary | undefined> {
  const version = await natsVersion(binary);
  return version !== undefined && isSupported(version) ? { binary, version } : undefined;
}

async function fromEnvironment(): Promise<NatsBinary | undefined> {
  const binary = process.env['NATS_SERVER_BIN'];
  if (binary === undefined || binary === '') return undefined;
  const found = await supported(binary);
  if (found !== undefined) return found;
  throw new Error(`NATS_SERVER_BIN=${binary} is not a nats-server ${OLDEST_SUPPORTED} or newer. Correct it, or unset it.`);
}

/**
 * A nats-server program: NATS_SERVER_BIN, our cache, PATH; else it is installed into our cache from a Docker engine, with Go, or from
 * the system's packages. Throws one error that says what was tried and which command helps here.
 */
export async function findNatsServer(options: FindNatsOptions = {}): Promise<NatsBinary> {
  const given = await fromEnvironment();
  if (given !== undefined) return given;
  for (const candidate of [cachedNatsServer(), ...installedCandidates()]) {
    const found = isExecutable(candidate) ? await supported(candidate) : undefined;
    if (found !== undefined) return found;
  }
  const tried: string[] = [];
  const attempt: InstallAttempt = {
    target: cachedNatsServer(),
    version: PINNED_NATS_VERSION,
    onProgress: options.onProgress ?? (() => undefined),
    signal: options.signal,
  };
  for (const install of [installFromDocker, installFromGo, installFromPackages]) {
    const outcome = await install(attempt);
    const found = outcome.binary === undefined ? undefined : await supported(outcome.binary);
    if (found !== undefined) return found;
    tried.push(outcome.why);
  }
  throw new Error(
    `nats-server is not installed and could not be installed:\n${tried.map((why) => `  - ${why}`).join('\n')}\n${advice()}`,
  );
}

function advice(): string {
  const commands =
    process.platform === 'darwin'
      ? ['brew install nats-server']
      : [
          'sudo apt-get update && sudo apt-get install -y nats-server',
          `or with Go: go install github.com/nats-io/nats-server/v2@v${PINNED_NATS_VERSION}`,
        ];
  return `Install it, then try again:\n${commands.map((command) => `    ${command}`).join('\n')}\nOr set NATS_SERVER_BIN to a nats-server you have.`;
}
