import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { cacheDir, run, unpackDebianPackage, unpackedFile, whyItFailed } from '@keyward/embedded';

/** The first that knows every field of the chart's rules. */
const OLDEST_SUPPORTED = [2, 42] as const;
const VERSION_TIMEOUT_MS = 10_000;
const INSTALL_TIMEOUT_MS = 10 * 60_000;
/** Ordinary users' PATH may lack them. */
const USUAL_PLACES = ['/usr/bin', '/usr/local/bin', '/usr/sbin', '/opt/homebrew/bin', '/opt/prometheus'];

export interface EnsureOptions {
  /** Told what is being done, one sentence a step. Default: nobody. */
  onProgress?: (step: string) => void;
  /** Gives an installation up. */
  signal?: AbortSignal;
}

/** Where the programs are. */
export interface PrometheusPrograms {
  prometheus: string;
  promtool: string;
}
type Program = keyof PrometheusPrograms;

/** @returns `2.42` out of what `--version` says, undefined where it is too old or says something else */
export function supportedVersion(program: Program, output: string): string | undefined {
  const found = new RegExp(`^${program}, version (\\d+)\\.(\\d+)`, 'm').exec(output);
  if (found === null) return undefined;
  const [major, minor] = [Number(found[1]), Number(found[2])];
  const [oldestMajor, oldestMinor] = OLDEST_SUPPORTED;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor) ? `${major}.${minor}` : undefined;
}

/**
 * Prometheus and promtool: on PATH, in the user's cache, else Debian's package unpacked into that cache, or Homebrew's.
 * @throws Error that says what was tried and what helps
 */
export async function ensurePrometheus(options: EnsureOptions = {}): Promise<PrometheusPrograms> {
  const [prometheus, promtool] = [await find('prometheus'), await find('promtool')];
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  await install(options);
  const installed = { prometheus: await find('prometheus'), promtool: await find('promtool') };
  if (installed.prometheus === undefined || installed.promtool === undefined)
    throw unavailable('what was installed does not run here');
  return { prometheus: installed.prometheus, promtool: installed.promtool };
}

/** promtool alone, by the same ways. */
export async function ensurePromtool(options: EnsureOptions = {}): Promise<string> {
  return (await find('promtool')) ?? (await ensurePrometheus(options)).promtool;
}

function cached(program: Program): string {
  return join(cacheDir(), 'prometheus', program);
}

async function find(program: Program): Promise<string | undefined> {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory.startsWith('/'));
  const places = [...new Set([...onPath, ...USUAL_PLACES])].map((directory) => join(directory, program));
  for (const candidate of [...places, cached(program)]) {
    if (isExecutable(candidate) && (await runs(program, candidate))) return candidate;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function runs(program: Program, path: string): Promise<boolean> {
  try {
    const { stdout, stderr } = await run(path, ['--version'], { timeout: VERSION_TIMEOUT_MS });
    return supportedVersion(program, `${stdout}\n${stderr}`) !== undefined;
  } catch {
    return false;
  }
}

async function install({ onProgress = () => undefined, signal }: EnsureOptions): Promise<void> {
  try {
    if (process.platform === 'darwin') {
      onProgress('installing prometheus with Homebrew');
      await run('brew', ['install', 'prometheus'], { timeout: INSTALL_TIMEOUT_MS, signal });
    } else await unpackIntoCache({ onProgress, signal });
  } catch (error) {
    throw unavailable(`${process.platform === 'darwin' ? 'Homebrew' : 'apt'}: ${whyItFailed(error)}`, error);
  }
}

/** Works beside the target and moves each finished program in place, so that two processes at once cannot see half of one. */
async function unpackIntoCache(options: { onProgress: (step: string) => void; signal: AbortSignal | undefined }): Promise<void> {
  const home = dirname(cached('prometheus'));
  mkdirSync(home, { recursive: true });
  const directory = mkdtempSync(join(home, 'install-'));
  try {
    const root = await unpackDebianPackage('prometheus', directory, options);
    for (const program of ['prometheus', 'promtool'] as const) {
      const unpacked = unpackedFile(root, 'prometheus', [`usr/bin/${program}`]);
      chmodSync(unpacked, 0o755);
      renameSync(unpacked, cached(program));
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function unavailable(why: string, cause?: unknown): Error {
  const command =
    process.platform === 'darwin' ? 'brew install prometheus' : 'sudo apt-get update && sudo apt-get install -y prometheus';
  return new Error(
    `Prometheus ${OLDEST_SUPPORTED.join('.')} or newer is not there and could not be fetched (${why}).\n` +
      `Install it, then try again: ${command}\n` +
      'or put prometheus and promtool of https://prometheus.io/download on your PATH.',
    { cause },
  );
}
