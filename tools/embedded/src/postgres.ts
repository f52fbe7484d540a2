import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { childrenOf, killAll } from './child-processes.js';
import { freePort } from './free-port.js';
import { stopOrphan } from './orphan.js';
import { clusterPaths, initCluster, postgresBinaries, superuserPassword } from './postgres-cluster.js';
import { ServerProcess, ServerStartError } from './server-process.js';
import { serverIdentity, unprivileged } from './unprivileged.js';

export interface PostgresOptions {
  /** Holds the cluster, its superuser's password and its log; made when absent. */
  dataDir: string;
  /** Default: a free one. */
  port?: number;
  /** false: no fsync, for data that nobody misses. Default true. */
  durable?: boolean;
  logFile?: string;
  maxConnections?: number;
}

export interface PostgresServer {
  /** As superuser, database `keyward`. */
  url: string;
  port: number;
  pid: number;
  logFile: string;
  stop(): Promise<void>;
  /** SIGKILL, as a crash would, and no session outlives it. The data stay; start again with the same `dataDir`. */
  kill(): Promise<void>;
  /** Resolves when the server has ended, with how: `code 1`, `SIGKILL`. */
  whenExited(): Promise<string>;
}

const VOLATILE = ['fsync=off', 'full_page_writes=off', 'autovacuum=off'];
const DATABASE = 'keyward';
const ATTEMPTS = 20;

/** Starts the PostgreSQL that npm installed, on 127.0.0.1 only, as a child that cannot outlive this process. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const durable = options.durable ?? true;
  const { cluster, log } = clusterPaths(options.dataDir);
  await initCluster(options.dataDir, durable);
  await stopOrphan(join(cluster, 'postmaster.pid'), cluster, 'SIGINT');
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const server = launch(options, port, durable);
    try {
      const url = await server.ready(() => probe(options.dataDir, port));
      return {
        url,
        port,
        pid: server.pid,
        logFile: options.logFile ?? log,
        stop: () => server.stop(),
        kill: () => killWithSessions(server),
        whenExited: () => server.whenExited(),
      };
    } catch (error) {
      if (attempt === ATTEMPTS || !isTransient(error, options.port === undefined)) throw error;
      await delay(100);
    }
  }
}

/** Sessions are processes of their own that answer on until they notice, a moment later, that the server is gone. */
async function killWithSessions(server: ServerProcess): Promise<void> {
  const sessions = server.running ? await childrenOf(server.pid) : [];
  await server.kill();
  await killAll(sessions);
}

function launch(options: PostgresOptions, port: number, durable: boolean): ServerProcess {
  const { cluster, log } = clusterPaths(options.dataDir);
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `max_connections=${options.maxConnections ?? 200}`,
    ...(durable ? [] : VOLATILE),
  ];
  const args = ['-D', cluster, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  return new ServerProcess({
    name: 'PostgreSQL',
    ...unprivileged(serverIdentity(), [cluster], join(postgresBinaries(), 'postgres'), args),
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
    logFile: options.logFile ?? log,
    // SIGINT is a fast shutdown: sessions are closed, data flushed. SIGQUIT flushes nothing.
    stopSignal: durable ? 'INT' : 'QUIT',
  });
}

/** A port that was taken meanwhile, or the shared memory of a server that was killed an instant ago. */
function isTransient(error: unknown, portWasOurs: boolean): boolean {
  if (!(error instanceof ServerStartError)) return false;
  if (/pre-existing shared memory block|lock file "postmaster\.pid" already exists/.test(error.log)) return true;
  return portWasOurs && /Address already in use|could not bind/.test(error.log);
}

function serverUrl(dataDir: string, port: number, database: string): string {
  return `postgresql://postgres:${superuserPassword(dataDir)}@127.0.0.1:${port}/${database}`;
}

async function probe(dataDir: string, port: number): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: serverUrl(dataDir, port, 'postgres'), connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch {
    // Not up yet; or another server has the port, and ours will say so and end.
    return undefined;
  }
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    return serverUrl(dataDir, port, DATABASE);
  } finally {
    await client.end();
  }
}
