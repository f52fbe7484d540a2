import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Everything a stack keeps, under one directory. */
export interface StackPaths {
  dir: string;
  /** What tools and tests read: URLs, ids, keys. Exists only while the stack runs. */
  stackFile: string;
  secretsFile: string;
  /** The key that wraps every data key. Losing it loses every stored token. */
  kmsKeyFile: string;
  /** The key that signs checkpoints of audit trails. Old checkpoints are verified by its public half. */
  auditSigningKeyFile: string;
  agentCredsFile: string;
  lockFile: string;
  logs: string;
  creds: string;
  postgres: string;
  nats: string;
  sandboxDatabase: string;
  /** Results that are too large for the bus. */
  objects: string;
  /** The catalog of a stack that emulates vendors. */
  connectors: string;
}

export function stackPaths(dir: string): StackPaths {
  const home = resolve(dir);
  return {
    dir: home,
    stackFile: join(home, 'stack.json'),
    secretsFile: join(home, 'secrets.json'),
    kmsKeyFile: join(home, 'kms.json'),
    auditSigningKeyFile: join(home, 'audit-signing.pem'),
    agentCredsFile: join(home, 'agent.creds'),
    lockFile: join(home, 'stack.lock'),
    logs: join(home, 'logs'),
    creds: join(home, 'creds'),
    postgres: join(home, 'postgres'),
    nats: join(home, 'nats'),
    sandboxDatabase: join(home, 'sandbox.sqlite'),
    objects: join(home, 'objects'),
    connectors: join(home, 'connectors'),
  };
}

/**
 * Makes the directories. As root the outer one may be passed by others, since PostgreSQL must then run as another user; what is
 * secret in it is readable by its owner alone either way.
 */
export function makeHome(paths: StackPaths): void {
  try {
    mkdirSync(paths.dir, { recursive: true });
    chmodSync(paths.dir, process.getuid?.() === 0 ? 0o711 : 0o700);
    for (const directory of [paths.logs, paths.creds]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Error(
      `${paths.dir} cannot be written (${code}). Give this user the directory, or choose another one: KEYWARD_HOME=<directory> npm start`,
      { cause },
    );
  }
}

/** Removes what earlier runs kept, but for the lock that this process holds. Refuses a directory that is not a stack's. */
export function resetHome(paths: StackPaths, tell: (message: string) => void): void {
  const entries = readdirSync(paths.dir).map((name) => join(paths.dir, name));
  const known = new Set(Object.values(paths) as string[]);
  const foreign = entries.find(
    (entry) => !known.has(entry) && !/\/(stack|secrets|kms|audit-signing|agent|sandbox)\.[^/]*$/.test(entry),
  );
  if (foreign !== undefined)
    throw new Error(`${paths.dir} holds ${foreign}, which is no stack's: it is not removed. Choose another directory.`);
  if (existsSync(paths.postgres)) tell('Removing the data of earlier runs');
  for (const entry of entries) if (entry !== paths.lockFile) rmSync(entry, { recursive: true, force: true });
  makeHome(paths);
}
