import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir, removeWhenGone } from '@keyward/embedded';
import { runEmulator } from './run-emulator.js';
import { lastLine, type KmsOutcome, type KmsSource } from './source.js';

const run = promisify(execFile);

/** It has no version that Go's modules can name. */
const MODULE = 'github.com/nsmithuk/local-kms@latest';
const BUILD_TIMEOUT_MS = 5 * 60_000;

function cached(): string {
  return join(cacheDir(), 'local-kms', 'local-kms');
}

function onPath(program: string): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return directories.map((directory) => join(directory, program)).find((path) => existsSync(path));
}

function startLocalKms(binary: string): Promise<KmsOutcome> {
  const data = mkdtempSync(join(tmpdir(), 'keyward-local-kms-'));
  removeWhenGone(data);
  return runEmulator({
    what: `local-kms (${binary})`,
    command: binary,
    args: () => [],
    env: (port) => ({ ...process.env, PORT: String(port), KMS_DATA_PATH: data, KMS_REGION: 'eu-central-1' }),
  });
}

export const presentLocalKms: KmsSource = async () => {
  const binary = onPath('local-kms') ?? (existsSync(cached()) ? cached() : undefined);
  return binary === undefined ? { why: 'local-kms: neither on PATH nor in our cache' } : startLocalKms(binary);
};

export const builtLocalKms: KmsSource = async (say) => {
  const go = [onPath('go'), '/usr/local/go/bin/go'].find((path) => path !== undefined && existsSync(path));
  if (go === undefined) return { why: 'local-kms by go install: Go is not there' };
  mkdirSync(join(cacheDir(), 'local-kms'), { recursive: true });
  const staged = mkdtempSync(join(cacheDir(), 'local-kms', 'build-'));
  try {
    say('building local-kms with Go');
    await run(go, ['install', MODULE], {
      cwd: staged,
      timeout: BUILD_TIMEOUT_MS,
      env: { ...process.env, GOBIN: staged, GOFLAGS: '-trimpath -buildvcs=false', CGO_ENABLED: '0' },
    });
    renameSync(join(staged, 'local-kms'), cached());
  } catch (thrown) {
    return { why: `local-kms by go install: ${lastLine(thrown)}` };
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
  return startLocalKms(cached());
};
