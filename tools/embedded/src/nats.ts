import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { findNatsServer } from './nats-finder.js';
import { natsConfiguration, type NatsClusterMember } from './nats-configuration.js';
import type { NatsOperator } from '@keyward/nats-accounts';
import { natsVersion } from './nats-version.js';
import { stopOrphan } from './orphan.js';
import { ServerProcess, ServerStartError } from './server-process.js';

export interface NatsOptions {
  /** Holds the streams, the configuration and the log; made when absent. */
  storeDir: string;
  /** Accounts and logins by JWT. Without it: one account, no login. */
  operator?: NatsOperator;
  /** Default: a free one. */
  port?: number;
  /** Default: what findNatsServer finds. */
  binary?: string;
  logFile?: string;
  /** JetStream's limit on disk, for tests of a full store. Default: the server's own. */
  maxStoreBytes?: number;
  /** Left out: a server of its own. In a cluster the others must start, too, before JetStream answers. */
  cluster?: NatsClusterMember;
}

export interface NatsServer {
  url: string;
  port: number;
  pid: number;
  version: string;
  logFile: string;
  stop(): Promise<void>;
  /**
   * Lame duck mode: leaders and clients go to other servers first, then it ends, as in a rollout. In a cluster only: alone it would keep its
   * clients waiting for half a minute for nothing.
   */
  retire(): Promise<void>;
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store, after `stop`, `kill` or a crash. */
  restart(): Promise<void>;
  /** Resolves when the server that runs now has ended, with how: `code 1`, `SIGKILL`. */
  whenExited(): Promise<string>;
}

const ATTEMPTS = 20;

/** Starts nats-server with JetStream on 127.0.0.1 only, as a child that cannot outlive this process. */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const binary = options.binary ?? (await findNatsServer()).binary;
  mkdirSync(options.storeDir, { recursive: true, mode: 0o700 });
  chmodSync(options.storeDir, 0o700);
  let { server, port } = await launch(options, binary, options.port);
  const version = (await natsVersion(binary)) ?? 'unknown';
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid;
    },
    version,
    logFile: options.logFile ?? join(options.storeDir, 'nats.log'),
    stop: () => server.stop(),
    retire: async () => {
      process.kill(server.pid, 'SIGUSR2');
      await server.whenExited();
    },
    kill: () => server.kill(),
    whenExited: () => server.whenExited(),
    restart: async () => {
      await server.stop();
      ({ server, port } = await launch(options, binary, port));
    },
  };
}

async function launch(
  options: NatsOptions,
  binary: string,
  fixedPort?: number,
): Promise<{ server: ServerProcess; port: number }> {
  const config = join(options.storeDir, 'nats.conf');
  const pidFile = join(options.storeDir, 'nats.pid');
  await stopOrphan(pidFile, options.storeDir, 'SIGTERM');
  rmSync(pidFile, { force: true });
  for (let attempt = 1; ; attempt += 1) {
    const port = fixedPort ?? (await freePort());
    writeFileSync(
      config,
      natsConfiguration({ ...options, listen: `127.0.0.1:${port}`, jetstreamDir: join(options.storeDir, 'jetstream') }),
      { mode: 0o600 },
    );
    const server = new ServerProcess({
      name: 'nats-server',
      command: binary,
      args: ['-c', config, '-P', pidFile],
      logFile: options.logFile ?? join(options.storeDir, 'nats.log'),
      stopSignal: 'TERM',
    });
    try {
      await server.ready(async () => (server.log().includes('Server is ready') && (await answers(port)) ? true : undefined));
      return { server, port };
    } catch (error) {
      const portTaken = error instanceof ServerStartError && /address already in use/i.test(error.log);
      if (!portTaken || attempt === ATTEMPTS) throw error;
      await delay(50);
    }
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString('latin1').startsWith('INFO '));
    });
    socket.once('error', () => resolve(false));
    socket.setTimeout(2_000, () => {
      socket.destroy();
      resolve(false);
    });
  });
}
