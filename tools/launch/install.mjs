import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { Failure, isWritable, modules, pinnedNode, root, temporary } from './paths.mjs';

const PROGRESS_EVERY_MS = 15_000;

/** Written by the root package's `postinstall`, so that a plain `npm ci` or `npm install` counts as well. */
export const stampFile = join(modules, '.keyward-installed');

/** What node_modules should be made from, on which platform. */
export function wantedStamp() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return `${lock} ${process.platform}-${process.arch}\n`;
}

export function isInstalled() {
  return existsSync(pinnedNode) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wantedStamp();
}

/** npm's own place for downloads, unless that cannot be written (a container with a read-only or missing home). */
function cacheArguments() {
  const cache = process.env.npm_config_cache ?? join(homedir(), '.npm');
  try {
    mkdirSync(cache, { recursive: true });
  } catch {
    // Told apart just below.
  }
  return isWritable(cache) ? [] : ['--cache', temporary('npm')];
}

/** Through the npm that started us, if one did: it may not be on the PATH. */
function npmCommand() {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('.js') && /npm/.test(cli) ? [process.execPath, cli] : ['npm'];
}

export async function install() {
  if (!isWritable(root)) {
    throw new Failure(
      `Dependencies must be installed, but you may not write to ${root}.\nClone it to a place of your own, or give this user the directory.`,
    );
  }
  const why = existsSync(modules) ? 'package-lock.json has changed' : 'first run';
  console.log(`Installing dependencies with npm ci (${why}; about a minute) …`);
  const started = Date.now();
  const timer = setInterval(
    () => console.log(`  still installing, ${Math.round((Date.now() - started) / 1000)} s`),
    PROGRESS_EVERY_MS,
  );
  const [command, ...first] = npmCommand();
  // Said explicitly, whatever the user's npm configuration or NODE_ENV says: without scripts or the optional packages nothing would run.
  const args = [
    ...first,
    'ci',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--include=dev',
    '--include=optional',
    '--ignore-scripts=false',
    ...cacheArguments(),
  ];
  const { code, stderr } = await run(command, args);
  clearInterval(timer);
  if (code !== 0) throw new Failure(`npm ci failed (${code}).\n${advice(stderr)}`);
  if (!isInstalled())
    throw new Failure('npm ci ended well, but node_modules is not complete. Remove node_modules and try again.');
  console.log(`Installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
}

function run(command, args) {
  return new Promise((resolve) => {
    let stderr = '';
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'pipe'] });
    child.stderr.on('data', (chunk) => {
      process.stderr.write(chunk);
      stderr = (stderr + chunk).slice(-20_000);
    });
    child.once('error', (error) => resolve({ code: error.code, stderr: String(error) }));
    child.once('close', (code, signal) => resolve({ code: code ?? signal, stderr }));
  });
}

function advice(stderr) {
  if (/ENOENT.*npm|spawn npm/.test(stderr))
    return 'npm is not on the PATH. It comes with Node: https://nodejs.org/en/download (on Debian: apt install npm).';
  if (/ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|network|self.signed|CERT/i.test(stderr)) {
    return 'The package registry could not be reached. Check the network, and behind a proxy: npm config set proxy … and cafile …; then try again.';
  }
  if (/ENOSPC/.test(stderr)) return 'The disk is full. About 1 GB is needed.';
  if (/EACCES|EPERM|EROFS/.test(stderr))
    return `Files could not be written. Is ${modules} owned by another user? Remove it, and try again.`;
  if (/E(40[13])|ENEEDAUTH/.test(stderr))
    return 'The package registry refused access. Look at `npm config get registry` and its login.';
  if (/EUSAGE|lock file/i.test(stderr))
    return 'package.json and package-lock.json do not belong together. Run `npm install`, and commit the lock file.';
  return 'What npm said is above. Often this helps: remove node_modules, then try again.';
}
