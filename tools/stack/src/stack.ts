import { rmSync } from 'node:fs';
import { ensureBuilt } from './ensure-built.js';
import { takeLock } from './home/lock.js';
import { makeHome, resetHome, stackPaths, type StackPaths } from './home/paths.js';
import { choosePorts } from './home/ports.js';
import { loadSecrets, saveSecrets, type SecretsWithPorts } from './home/secrets.js';
import { launch } from './launch.js';
import { childrenOf } from './process/descendants.js';
import { Processes, type ProcessHandle, type ProcessName } from './process/processes.js';
import { SERVICES, type ServiceName } from './services/names.js';
import type { StackInfo } from './stack-info.js';

export interface StackOptions {
  /** Keeps everything of this stack; two stacks need two. */
  dir: string;
  /** Nothing on standard output; `onProgress` is told either way. */
  quiet?: boolean;
  onProgress?: (message: string) => void;
  /** For every service, over what the stack sets. */
  env?: Record<string, string>;
  /** For one process, over `env`. */
  serviceEnv?: Partial<Record<ServiceName | 'sandbox', Record<string, string>>>;
  /** Of the sandbox provider's access tokens. Default 120. */
  accessTokenTtlSeconds?: number;
  /**
   * Connectors whose vendors the sandbox provider stands for, see `emulatable`. Default: those that it stood for at earlier starts of this
   * directory, which go on in any case: what was connected there must not be sent to the vendor itself.
   */
  emulate?: readonly string[];
  /** The documented ports where they are free. Default: any free ones, so that a stack for tests meets no other. */
  usualPorts?: boolean;
  /** Removes what the directory holds first. */
  reset?: boolean;
  /** Gives the start up, and stops what has been started. */
  signal?: AbortSignal;
}

export interface Stack {
  readonly info: StackInfo;
  readonly paths: StackPaths;
  /** The token of the sandbox's levers: `/sandbox/…`. */
  readonly sandboxManagementToken: string;
  service(name: ProcessName): ProcessHandle;
  /** The services, PostgreSQL with its sessions, and nats-server: all that a brokered call costs, without the provider. */
  brokerPids(): number[];
  /** The server, its sessions and its workers. */
  postgresPids(): number[];
  /** In the reverse order of the start; nothing is left running. */
  stop(): Promise<void>;
}

/**
 * Starts the whole platform on this machine: PostgreSQL, nats-server, the sandbox provider and the five services, each its own
 * process; resolves when all of them serve and a first call can be made.
 * @throws AlreadyRunning, or Error that says what failed and what to do; nothing is left running then
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const tell = (message: string): void => {
    options.onProgress?.(message);
    if (options.quiet !== true) process.stdout.write(`  ${message}\n`);
  };
  const paths = stackPaths(options.dir);
  makeHome(paths);
  const cleanups = [takeLock(paths)];
  const processes = new Processes();
  const stop = async (): Promise<void> => {
    rmSync(paths.stackFile, { force: true });
    await processes.stop();
    for (const cleanup of cleanups.splice(0).reverse()) cleanup();
  };
  try {
    await ensureBuilt(tell);
    if (options.reset === true) resetHome(paths, tell);
    const secrets = await secretsAndPorts(paths, options, tell, cleanups);
    const { info, release } = await launch({ options, paths, secrets, processes, tell });
    cleanups.push(release);
    return {
      info,
      paths,
      sandboxManagementToken: secrets.sandbox.managementToken,
      service: (name) => processes.handle(name),
      brokerPids: () => brokerPids(processes),
      postgresPids: () => postgresPids(processes),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function secretsAndPorts(
  paths: StackPaths,
  { usualPorts = false, emulate = [] }: StackOptions,
  tell: (message: string) => void,
  cleanups: (() => void)[],
): Promise<SecretsWithPorts> {
  const kept = await loadSecrets(paths);
  const { ports, replaced, release } = await choosePorts(kept.ports, usualPorts);
  cleanups.push(release);
  for (const sentence of replaced) tell(sentence);
  const emulated = [...new Set([...kept.emulated, ...emulate])];
  const secrets = { ...kept, emulated, ports };
  saveSecrets(paths, secrets);
  return secrets;
}

function brokerPids(processes: Processes): number[] {
  const others = [...SERVICES, 'nats' as const].map((name) => processes.handle(name).pid);
  return [...postgresPids(processes), ...others].filter((pid) => pid > 0);
}

function postgresPids(processes: Processes): number[] {
  const postgres = processes.handle('postgres').pid;
  return [postgres, ...childrenOf(postgres)];
}
