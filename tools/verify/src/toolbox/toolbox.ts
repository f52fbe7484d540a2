import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { cacheDir } from '@keyward/embedded';
import type { Go } from './go.js';
import { lastWords, run } from './run.js';

interface Source {
  /** A directory under `go/`: a Go module whose go.mod and go.sum pin what it builds. Programs of one module share their packages. */
  module: string;
  package: string;
}

const SOURCES = {
  helm: { module: 'toolbox', package: 'helm.sh/helm/v4/cmd/helm' },
  helm3: { module: 'toolbox', package: 'helm.sh/helm/v3/cmd/helm' },
  'helm-unittest': { module: 'toolbox', package: 'github.com/helm-unittest/helm-unittest/cmd/helm-unittest' },
  kustomize: { module: 'toolbox', package: 'sigs.k8s.io/kustomize/kustomize/v5' },
  kubeconform: { module: 'toolbox', package: 'github.com/yannh/kubeconform/cmd/kubeconform' },
  'pod-security': { module: 'toolbox', package: './cmd/pod-security' },
  'kube-score': { module: 'kube-score', package: 'github.com/zegl/kube-score/cmd/kube-score' },
} satisfies Record<string, Source>;

export type Program = keyof typeof SOURCES;
/** Where each program is. */
export type Toolbox = Record<Program, string>;

/** Of a directory of its own: building them takes longer than everything else together, and few ask for them. */
const CONTROL_PLANE = {
  'kube-apiserver': { module: 'kube-apiserver', package: '.' },
  etcd: { module: 'etcd', package: '.' },
} satisfies Record<string, Source>;

const PROGRESS_EVERY_MS = 15_000;
const UNUSED_FOR_MS = 14 * 86_400_000;
/** Two compilers at once: more do not fit into the memory of small machines. */
const BUILD_FLAGS = ['-p', '2', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-v'];

function sourcesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** A name for what these sources build with this Go: whatever else is in the cache, the same name holds the same programs. */
function fingerprint(modules: string, go: Go): string {
  const hash = createHash('sha256').update(`${process.platform}/${process.arch} ${go.version} ${BUILD_FLAGS.join(' ')}\0`);
  for (const file of sourcesOf(modules))
    hash.update(relative(modules, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 16);
}

type Sources<Name extends string> = Readonly<Record<Name, Source>>;

export function ensureToolbox(modules: string, go: Go, say: (line: string) => void): Promise<Toolbox> {
  return ensurePrograms(SOURCES, modules, go, say);
}

/** Kubernetes' API server and its store. */
export function ensureControlPlane(
  modules: string,
  go: Go,
  say: (line: string) => void,
): Promise<Record<keyof typeof CONTROL_PLANE, string>> {
  return ensurePrograms(CONTROL_PLANE, modules, go, say);
}

/**
 * Builds the programs once for each state of `modules`; from then on they come from the user's cache and nothing is fetched.
 * @param modules the directory with the Go modules
 * @throws Error with the end of what Go said
 */
async function ensurePrograms<Name extends string>(
  sources: Sources<Name>,
  modules: string,
  go: Go,
  say: (line: string) => void,
): Promise<Record<Name, string>> {
  const names = Object.keys(sources) as Name[];
  const home = join(cacheDir(), 'verify');
  const target = join(home, fingerprint(modules, go));
  if (!existsSync(target)) await build(sources, names, modules, go, target, say);
  utimesSync(target, new Date(), new Date());
  removeUnused(home);
  return Object.fromEntries(names.map((name) => [name, join(target, name)])) as Record<Name, string>;
}

async function build<Name extends string>(
  sources: Sources<Name>,
  names: readonly Name[],
  modules: string,
  go: Go,
  target: string,
  say: (line: string) => void,
): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  const staged = mkdtempSync(join(dirname(target), 'build-'));
  const started = Date.now();
  const seconds = (): string => `${Math.round((Date.now() - started) / 1000)} s`;
  let packages = 0;
  say(`Building ${names.join(', ')} with ${go.version} (once for each change of their versions; some minutes) …`);
  const progress = setInterval(() => say(`  ${packages} packages compiled, ${seconds()}`), PROGRESS_EVERY_MS);
  try {
    for (const program of names) await compile(modules, sources[program], go, join(staged, program), () => packages++);
    // A run beside this one may have been faster; what it put there is the same.
    if (!existsSync(target)) renameSync(staged, target);
    say(`  built in ${seconds()}`);
  } finally {
    clearInterval(progress);
    rmSync(staged, { recursive: true, force: true });
  }
}

async function compile(modules: string, source: Source, go: Go, out: string, onPackage: () => void): Promise<void> {
  const built = await run(go.command, ['build', ...BUILD_FLAGS, '-o', out, source.package], {
    cwd: join(modules, source.module),
    // What go.mod and go.sum pin and nothing else; a workspace of the caller's must not replace modules.
    env: { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    onErrorLine: (line) => {
      if (!line.startsWith('go: ')) onPackage();
    },
  });
  if (built.code !== 0) throw new Error(`go build ${source.package} failed (${built.code}):\n${lastWords(built)}`);
}

function removeUnused(home: string): void {
  for (const entry of readdirSync(home)) {
    const path = join(home, entry);
    const usedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - usedAt > UNUSED_FOR_MS) rmSync(path, { recursive: true, force: true });
  }
}
