import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { unpackDebianPackage, unpackedFile } from './debian-package.js';
import { run, whyItFailed } from './run.js';

export interface InstallAttempt {
  /** Where the program must end up. */
  target: string;
  version: string;
  onProgress: (step: string) => void;
  signal: AbortSignal | undefined;
}

/** Either the program, or a sentence why this way did not work. */
export interface InstallOutcome {
  binary?: string;
  why: string;
}

const BUILD_TIMEOUT_MS = 15 * 60_000;
const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;

/** Works beside the target and moves the finished program in place, so that two processes at once cannot see half of one. */
async function staged(
  attempt: InstallAttempt,
  way: string,
  work: (directory: string) => Promise<string>,
): Promise<InstallOutcome> {
  const home = dirname(attempt.target);
  mkdirSync(home, { recursive: true });
  const directory = mkdtempSync(join(home, 'install-'));
  try {
    const program = await work(directory);
    chmodSync(program, 0o755);
    renameSync(program, attempt.target);
    return { binary: attempt.target, why: '' };
  } catch (error) {
    return { why: `${way}: ${whyItFailed(error)}` };
  } finally {
    // The Go tool makes its module cache read-only.
    await run('chmod', ['-R', 'u+w', directory]).catch(() => undefined);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Takes the program out of the official image: it is static, so it runs as our child like any other. Linux only. */
export async function installFromDocker(attempt: InstallAttempt): Promise<InstallOutcome> {
  if (process.platform !== 'linux') return { why: 'Docker image: its program runs on Linux only' };
  try {
    await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 });
  } catch (error) {
    return { why: `Docker engine: ${whyItFailed(error)}` };
  }
  attempt.onProgress(`taking nats-server ${attempt.version} from its Docker image`);
  return staged(attempt, 'Docker image', async (directory) => {
    const image = `nats:${attempt.version}-scratch`;
    const { stdout } = await run('docker', ['create', image], { timeout: DOWNLOAD_TIMEOUT_MS, signal: attempt.signal });
    const container = stdout.trim().split('\n').at(-1) ?? '';
    try {
      await run('docker', ['cp', `${container}:/nats-server`, join(directory, 'nats-server')], {
        timeout: DOWNLOAD_TIMEOUT_MS,
        signal: attempt.signal,
      });
    } finally {
      await run('docker', ['rm', container]).catch(() => undefined);
    }
    return join(directory, 'nats-server');
  });
}

/** Builds the pinned version. Go checks it against the checksum database; an older Go says which it would need. */
export async function installFromGo(attempt: InstallAttempt): Promise<InstallOutcome> {
  const go = ['go', '/usr/local/go/bin/go', '/usr/lib/go/bin/go', join(homedir(), 'go/bin/go')].find(
    (candidate) => candidate === 'go' || existsSync(candidate),
  );
  const command = await firstRunnable([go ?? 'go', '/usr/local/go/bin/go']);
  if (command === undefined) return { why: 'go install: Go is not there' };
  attempt.onProgress(`building nats-server ${attempt.version} with Go (once; a minute or two)`);
  return staged(attempt, 'go install', async (directory) => {
    const env = {
      ...process.env,
      GOBIN: directory,
      GOTOOLCHAIN: 'local',
      CGO_ENABLED: '0',
      // Of its own: the home may be missing or read-only, and the build leaves nothing behind.
      GOPATH: join(directory, 'gopath'),
      GOMODCACHE: join(directory, 'gomod'),
      GOCACHE: join(directory, 'gocache'),
      GOFLAGS: '-trimpath -buildvcs=false',
    };
    await run(command, ['install', `github.com/nats-io/nats-server/v2@v${attempt.version}`], {
      env,
      cwd: directory,
      timeout: BUILD_TIMEOUT_MS,
      signal: attempt.signal,
    });
    return join(directory, 'nats-server');
  });
}

async function firstRunnable(candidates: string[]): Promise<string | undefined> {
  for (const candidate of candidates) {
    try {
      await run(candidate, ['version'], { timeout: 10_000 });
      return candidate;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Debian's package, unpacked into the cache. Homebrew has no such thing, so it installs. */
export async function installFromPackages(attempt: InstallAttempt): Promise<InstallOutcome> {
  if (process.platform === 'darwin') return installFromHomebrew(attempt);
  return staged(attempt, 'apt', async (directory) => {
    const root = await unpackDebianPackage('nats-server', directory, attempt);
    return unpackedFile(root, 'nats-server', ['usr/sbin/nats-server', 'usr/bin/nats-server']);
  });
}

async function installFromHomebrew(attempt: InstallAttempt): Promise<InstallOutcome> {
  attempt.onProgress('installing nats-server with Homebrew');
  try {
    await run('brew', ['install', 'nats-server'], { timeout: BUILD_TIMEOUT_MS, signal: attempt.signal });
    const { stdout } = await run('brew', ['--prefix']);
    return { binary: join(stdout.trim(), 'bin', 'nats-server'), why: 'Homebrew: the installed nats-server does not run' };
  } catch (error) {
    return { why: `Homebrew: ${whyItFailed(error)}` };
  }
}
