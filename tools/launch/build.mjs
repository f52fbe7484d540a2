import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Failure, root } from './paths.mjs';

const TAIL_LINES = 40;
const stampFile = join(root, '.nx', 'keyward-built');

/** The workspace's projects: directories with a `project.json`, at most three levels down. */
function projects(directory = root, depth = 0) {
  const found = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === 'node_modules' || entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (existsSync(join(path, 'project.json'))) found.push(path);
    else if (depth < 2) found.push(...projects(path, depth + 1));
  }
  return found;
}

function sources(directory) {
  const files = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) files.push(...sources(path));
    else if (!entry.name.endsWith('.spec.ts')) files.push(path);
  }
  return files;
}

/** A hash over everything that a build reads. Nx does the same and more, but needs seconds to say that there is nothing to do. */
function fingerprint(all) {
  const hash = createHash('sha256');
  const files = ['.swcrc', 'nx.json', 'package-lock.json'].map((name) => join(root, name));
  for (const project of all) {
    files.push(join(project, 'package.json'), join(project, 'project.json'));
    if (existsSync(join(project, 'src'))) files.push(...sources(join(project, 'src')));
  }
  for (const file of files.sort()) {
    if (existsSync(file)) hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

/** Built from these sources, and no output replaced since. */
function isBuilt(all, wanted) {
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== wanted) return false;
  const builtAt = statSync(stampFile).mtimeMs;
  return all.every((project) => {
    if (!existsSync(join(project, 'src'))) return true;
    const output = join(project, 'dist');
    return existsSync(output) && statSync(output).mtimeMs <= builtAt;
  });
}

/**
 * @param node the Node to build with
 * @param tell where a line about it goes
 */
export async function build(node, tell = console.log) {
  const all = projects();
  const wanted = fingerprint(all);
  if (isBuilt(all, wanted)) return;
  tell('Building …');
  const started = Date.now();
  const { code, output } = await run(node, [
    join(root, 'node_modules', '.bin', 'nx'),
    'run-many',
    '-t',
    'build',
    '--outputStyle=static',
  ]);
  if (code !== 0) {
    const tail = output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
    throw new Failure(`${tail}\n\nThe build failed (${code}); the end of its output is above. All of it: npm run build`);
  }
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, wanted);
  tell(`Built in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
}

function run(command, args) {
  return new Promise((resolve) => {
    let output = '';
    // Without its daemon: nothing may be left running.
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' },
    });
    const keep = (chunk) => (output += chunk);
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => resolve({ code: error.code, output: String(error) }));
    child.once('close', (code, signal) => resolve({ code: code ?? signal, output }));
  });
}
