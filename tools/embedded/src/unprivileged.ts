import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Whom a server runs as when we are root. */
export interface Identity {
  user: string;
  uid: number;
  gid: number;
}

const CANDIDATES = ['postgres', '_postgres', 'nobody'];

function numericId(flag: '-u' | '-g', user: string): number | undefined {
  try {
    return Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return undefined;
  }
}

/** PostgreSQL refuses to run as root. Undefined when we are not root and so need no other identity. */
export function serverIdentity(): Identity | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of CANDIDATES) {
    const uid = numericId('-u', user);
    const gid = numericId('-g', user);
    if (uid !== undefined && uid > 0 && gid !== undefined) return { user, uid, gid };
  }
  throw new Error(
    'PostgreSQL does not run as root, and this machine has neither a user "postgres" nor a user "nobody". ' +
      'Run as an ordinary user, or create one: useradd --system postgres',
  );
}

function mayEnter(directory: string, identity: Identity): boolean {
  const { mode, uid, gid } = statSync(directory);
  if (uid === identity.uid) return (mode & 0o100) !== 0;
  if (gid === identity.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

/** Whether that user gets through every directory above `path`: not so in a clone under /root (mode 0700). */
function canReach(path: string, identity: Identity): boolean {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    if (!mayEnter(directory, identity)) return false;
    if (directory === dirname(directory)) return true;
  }
}

export interface UnprivilegedCommand {
  command: string;
  args: string[];
  uid?: number;
  gid?: number;
}

/**
 * The command so that it runs without root's identity. Where the other user could not reach the files, it keeps the single
 * capability to pass directories: better than copying a database out of the user's directory behind their back.
 * @param paths what the command must reach
 */
export function unprivileged(
  identity: Identity | undefined,
  paths: string[],
  command: string,
  args: string[],
): UnprivilegedCommand {
  if (identity === undefined) return { command, args };
  const { uid, gid } = identity;
  const blocked = [command, ...paths].find((path) => !canReach(path, identity));
  if (blocked === undefined) return { command, args, uid, gid };
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  if (setpriv === undefined) {
    throw new Error(
      `PostgreSQL must run as user "${identity.user}", who cannot get to ${blocked}. ` +
        'Run as an ordinary user, or move the clone to a directory that others may enter, such as /opt or /srv.',
    );
  }
  return { command: setpriv, args: [...asUserWhoPasses(identity), command, ...args] };
}

/**
 * access(2), by which PostgreSQL's programs look for each other, goes by the real user and would ignore the capability unless
 * no_setuid_fixup is set (capabilities(7)). The capability survives the change of user as an ambient one, and no other does.
 */
function asUserWhoPasses({ uid, gid }: Identity): string[] {
  const capability = ['--inh-caps=-all,+dac_override', '--ambient-caps=-all,+dac_override'];
  return ['--securebits=+no_setuid_fixup', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...capability];
}
