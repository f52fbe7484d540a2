import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure, root } from '../launch/paths.mjs';

const HELP = `npm run image -- --out DIR [options]

Assembles what the container image holds: every service, built, with what it needs to run and nothing else. The Dockerfile runs this
very command in its first stage, so that an image built without Docker (kaniko, buildah, a plain directory) is the same one.

  --out DIR     where to; must not exist, or be empty
  --source DIR  another checkout to assemble, built already (default: this one)
  --force       empty it first, if it is one that this command made
  --check       then start every service in it without a configuration: each must load whole, and say what it needs
  --help        this text

A service then starts with: node DIR/apps/<service>/dist/main.js
`;

/** What runs in a cluster. The sandbox provider, the tools and the tests do not. */
const APPS = ['gateway', 'auth-service', 'token-refresher', 'tool-executor', 'audit-service', 'migrate'];
/** Says that a directory is this command's to empty. */
const MARK = 'image.json';

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);

/** Every workspace by its package name. */
function workspaces(source, manifest) {
  const directories = manifest.workspaces.flatMap((pattern) => globSync(pattern, { cwd: source }));
  const found = directories.filter((directory) => existsSync(join(source, directory, 'package.json')));
  return new Map(found.map((directory) => [readJson(join(source, directory, 'package.json')).name, directory]));
}

/** The directories of the apps and of all they depend on. */
function needed(source, apps, all) {
  const wanted = new Set(apps.map((app) => join('apps', app)));
  for (const directory of wanted) {
    const { dependencies = {} } = readJson(join(source, directory, 'package.json'));
    for (const name of Object.keys(dependencies)) if (all.has(name)) wanted.add(all.get(name));
  }
  return [...wanted].sort();
}

function emptied(out, force) {
  if (existsSync(out) && readdirSync(out).length > 0) {
    if (!force || !existsSync(join(out, MARK))) {
      throw new Failure(
        `${out} is not empty. Name another directory, or empty it${existsSync(join(out, MARK)) ? ' (--force)' : ''}.`,
      );
    }
    rmSync(out, { recursive: true });
  }
  mkdirSync(out, { recursive: true });
}

/** Without what only development needs, so that npm has nothing else to install. The lock file stays as it is: the versions are its. */
function writeManifests(out, source, manifest, directories) {
  const { name, version, license, type } = manifest;
  writeJson(join(out, 'package.json'), { name, version, private: true, license, type, workspaces: directories });
  cpSync(join(source, 'package-lock.json'), join(out, 'package-lock.json'));
  for (const directory of directories) {
    const { devDependencies: _left, ...kept } = readJson(join(source, directory, 'package.json'));
    mkdirSync(join(out, directory), { recursive: true });
    writeJson(join(out, directory, 'package.json'), kept);
  }
}

function installInto(out) {
  const args = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  const { status, error } = spawnSync('npm', args, { cwd: out, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0)
    throw new Failure(`npm could not install what the services depend on (${error?.message ?? `exit code ${status}`}).`);
}

/** What is in it, as CycloneDX (https://cyclonedx.org): what a scanner of an image's contents wants to read. */
function writeBillOfMaterials(out) {
  const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--omit=dev', '--loglevel=error'];
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: out, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Failure(`npm could not write the bill of materials (${status}):\n${stderr}`);
  writeFileSync(join(out, 'sbom.cdx.json'), stdout);
}

/** Not run by anything: maps, types, sources and texts of dependencies. Half of what npm installs. */
const UNUSED =
  /\.(map|d\.[cm]?ts|ts|mts|cts|md|markdown|flow|tsbuildinfo)$|(^|\/)(test|tests|__tests__|docs|example|examples|\.github)$/i;

function thin(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isSymbolicLink()) continue;
    if (entry.isFile() ? UNUSED.test(entry.name) && !/licen[cs]e|notice/i.test(entry.name) : UNUSED.test(`/${entry.name}`))
      rmSync(path, { recursive: true });
    else if (entry.isDirectory()) thin(path);
  }
}

/**
 * A connector that stands for a server of the deployment's own, as the sandbox does, says so by asking for variables: services end until
 * they are set. Such a connector is brought by whoever sets them.
 */
function asksForVariables(directory) {
  const manifest = join(directory, 'connector.yaml');
  return existsSync(manifest) && /^variables:/m.test(readFileSync(manifest, 'utf8'));
}

function copyBuilt(out, source, directories) {
  for (const directory of directories) {
    const dist = join(source, directory, 'dist');
    if (!existsSync(dist)) throw new Failure(`${relative(source, dist)} is missing. Build that checkout first: npm run build`);
    cpSync(dist, join(out, directory, 'dist'), { recursive: true, filter: (file) => !file.endsWith('.map') });
  }
  const connectors = join(source, 'connectors');
  cpSync(connectors, join(out, 'connectors'), { recursive: true, filter: (path) => !asksForVariables(path) });
  for (const file of ['LICENSE', 'connectors/NOTICES.md'])
    if (existsSync(join(source, file))) cpSync(join(source, file), join(out, file));
}

function megabytes(directory) {
  const sizeOf = (path) =>
    readdirSync(path, { withFileTypes: true }).reduce(
      (sum, entry) =>
        sum + (entry.isDirectory() ? sizeOf(join(path, entry.name)) : entry.isFile() ? statSync(join(path, entry.name)).size : 0),
      0,
    );
  return Math.round(sizeOf(directory) / 1e6);
}

/** What a service loads only where it is configured; a bare start would not notice that it is missing. */
const LOADED_LATE = {
  gateway: ['@opentelemetry/sdk-node', '@opentelemetry/exporter-trace-otlp-http', '@keyward/objects-s3'],
  'tool-executor': ['@keyward/kms-aws', '@keyward/objects-s3'],
};
/** What services end with where the environment lacks something (EX_CONFIG). */
const EX_CONFIG = 78;

/** @param node to start the services with */
function check(out, node) {
  for (const app of APPS) {
    const late = (LOADED_LATE[app] ?? []).map((name) => `await import(${JSON.stringify(name)});`).join(' ');
    const main = join(out, 'apps', app, 'dist', 'main.js');
    const program = `${late} await import(${JSON.stringify(main)});`;
    const args = ['--input-type=module', '--eval', program];
    const { status, stderr } = spawnSync(node, args, { cwd: join(out, 'apps', app), env: {}, encoding: 'utf8' });
    if (status !== EX_CONFIG) throw new Failure(`${app} does not start from ${out} (${status}):\n${stderr}`);
  }
}

export function assemble({ out, source = root, force = false, tell = console.log }) {
  const manifest = readJson(join(source, 'package.json'));
  // An earlier version may have had fewer.
  const apps = APPS.filter((app) => existsSync(join(source, 'apps', app)));
  const directories = needed(source, apps, workspaces(source, manifest));
  emptied(out, force);
  writeJson(join(out, MARK), { version: manifest.version, apps });
  writeManifests(out, source, manifest, directories);
  tell('Installing what the services depend on …');
  installInto(out);
  writeBillOfMaterials(out);
  tell('Leaving out what nothing runs …');
  thin(join(out, 'node_modules'));
  copyBuilt(out, source, directories);
  tell(`Assembled in ${out}: ${apps.join(', ')}; ${megabytes(out)} MB.`);
}

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    source: { type: 'string' },
    force: { type: 'boolean' },
    check: { type: 'boolean' },
    help: { type: 'boolean' },
  },
  allowPositionals: false,
});
if (values.help === true) process.stdout.write(HELP);
else if (values.out === undefined) {
  process.stderr.write(HELP);
  process.exitCode = 2;
} else {
  const at = (directory) => resolve(process.env.INIT_CWD ?? '.', directory);
  const out = at(values.out);
  try {
    assemble({ out, source: values.source === undefined ? root : at(values.source), force: values.force === true });
    if (values.check === true) {
      check(out, process.execPath);
      console.log('Every service loads from it.');
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
