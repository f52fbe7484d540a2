import { findNatsServer, startNats, startPostgres } from '@keyward/embedded';
import type { NatsOperator } from '@keyward/nats-accounts';
import type { StackPaths } from '../home/paths.js';
import type { Ports } from '../home/ports.js';
import { newLog } from './logs.js';
import { Supervised, type Running, type SupervisedOptions } from './supervised.js';

type Reports = Pick<SupervisedOptions, 'tell' | 'onRestart'>;

/** A server of tools/embedded, as something to supervise. */
function asRunning(server: { pid: number; stop(): Promise<void>; whenExited(): Promise<string> }): Running {
  return { pid: server.pid, stop: () => server.stop(), ended: server.whenExited() };
}

/** PostgreSQL on the stack's own data, flushed to disk like any real one. */
export function supervisedPostgres(
  paths: StackPaths,
  ports: Ports,
  reports: Reports,
): { supervised: Supervised; url: () => string } {
  const logFile = newLog(paths.logs, 'postgres');
  let url = '';
  const launch = async (): Promise<Running> => {
    const server = await startPostgres({ dataDir: paths.postgres, port: ports.postgres, logFile });
    url = server.url;
    return asRunning(server);
  };
  return { supervised: new Supervised({ name: 'PostgreSQL', logFile, launch, ...reports }), url: () => url };
}

/** nats-server, installed first where it is missing. */
export async function supervisedNats(
  paths: StackPaths,
  ports: Ports,
  operator: NatsOperator,
  reports: Reports,
  signal: AbortSignal,
): Promise<Supervised> {
  const { binary } = await findNatsServer({ onProgress: (step) => reports.tell(`nats-server is missing: ${step} …`), signal });
  const logFile = newLog(paths.logs, 'nats');
  const launch = async (): Promise<Running> =>
    asRunning(await startNats({ storeDir: paths.nats, operator, port: ports.nats, binary, logFile }));
  return new Supervised({ name: 'nats-server', logFile, launch, ...reports });
}
