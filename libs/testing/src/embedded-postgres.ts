import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { initCluster, POSTGRES_PACKAGE_VERSION, removeWhenGone, startPostgres, type PostgresServer } from '@keyward/embedded';

const run = promisify(execFile);

/** A freshly initialised cluster, made once per machine and user: copying it takes 50 ms, initdb ten times that. */
async function template(): Promise<string> {
  const home = join(tmpdir(), `keyward-test-${userInfo().uid}`);
  const finished = join(home, `postgres-${POSTGRES_PACKAGE_VERSION}`);
  if (existsSync(finished)) return finished;
  mkdirSync(home, { recursive: true });
  chmodSync(home, 0o711);
  const building = mkdtempSync(join(home, 'building-'));
  chmodSync(building, 0o711);
  await initCluster(building, false);
  try {
    renameSync(building, finished);
  } catch {
    // Another test process was first.
    rmSync(building, { recursive: true, force: true });
  }
  return finished;
}

export interface EmbeddedTestPostgres {
  /** The one that runs now: another one after `again`. */
  readonly server: PostgresServer;
  /** Starts it again on the same data and port, after `kill`. */
  again(): Promise<PostgresServer>;
  remove(): Promise<void>;
}

/** A server of its own in a temporary directory; both are gone when this process is, even if it is killed. */
export async function embeddedPostgres(): Promise<EmbeddedTestPostgres> {
  const dataDir = mkdtempSync(join(tmpdir(), 'keyward-postgres-'));
  removeWhenGone(dataDir);
  chmodSync(dataDir, 0o711);
  await run('cp', ['-pR', `${await template()}/.`, dataDir]);
  let server = await startPostgres({ dataDir, durable: false });
  return {
    get server() {
      return server;
    },
    again: async () => {
      server = await startPostgres({ dataDir, durable: false, port: server.port });
      return server;
    },
    remove: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
