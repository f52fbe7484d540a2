import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, ServerProcess } from '@keyward/embedded';
import { ApiClient } from './api-client.js';

/** The two programs that make a Kubernetes API; no node, no scheduler, no controller. */
export interface ControlPlanePrograms {
  etcd: string;
  'kube-apiserver': string;
}

export interface ControlPlane {
  api: ApiClient;
  stop(): Promise<void>;
}

/** Kubernetes' API server on an etcd of its own, on 127.0.0.1 only; whoever asks is its administrator. Everything it writes is in `directory`. */
export async function startControlPlane(programs: ControlPlanePrograms, directory: string): Promise<ControlPlane> {
  const etcd = await startEtcd(programs.etcd, directory);
  try {
    const server = await startApiServer(programs['kube-apiserver'], directory, etcd.url);
    return {
      api: server.api,
      stop: async () => {
        await server.process.stop();
        await etcd.process.stop();
      },
    };
  } catch (error) {
    await etcd.process.stop();
    throw error;
  }
}

async function startEtcd(command: string, directory: string): Promise<{ url: string; process: ServerProcess }> {
  const [clients, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const args = [
    `--data-dir=${join(directory, 'etcd')}`,
    ...['--listen-client-urls', '--advertise-client-urls'].map((flag) => `${flag}=${clients}`),
    ...[`--listen-peer-urls=${peers}`, `--initial-advertise-peer-urls=${peers}`, `--initial-cluster=default=${peers}`],
    '--unsafe-no-fsync',
  ];
  const logFile = join(directory, 'etcd.log');
  const process = new ServerProcess({ name: 'etcd', command, args, logFile, stopSignal: 'TERM' });
  await process.ready(async () => {
    const answer = await fetch(`${clients}/health`).catch(() => undefined);
    return answer?.ok === true ? true : undefined;
  });
  return { url: clients, process };
}

async function startApiServer(
  command: string,
  directory: string,
  etcd: string,
): Promise<{ api: ApiClient; process: ServerProcess }> {
  const port = await freePort();
  const token = randomBytes(24).toString('hex');
  const tokens = join(directory, 'tokens.csv');
  writeFileSync(tokens, `${token},verify,verify,system:masters\n`, { mode: 0o600 });
  const key = serviceAccountKey(directory);
  const certificates = join(directory, 'certificates');
  const args = [
    ...[`--etcd-servers=${etcd}`, `--secure-port=${port}`, '--bind-address=127.0.0.1', `--cert-dir=${certificates}`],
    ...[`--service-account-key-file=${key}`, `--service-account-signing-key-file=${key}`],
    ...['--service-account-issuer=https://kubernetes.default.svc', '--service-cluster-ip-range=10.0.0.0/24'],
    ...[`--token-auth-file=${tokens}`, '--authorization-mode=RBAC'],
    // So that it is Pod Security that refuses, not this.
    '--allow-privileged=true',
    // A controller that does not run here would make the accounts that it asks for.
    '--disable-admission-plugins=ServiceAccount',
  ];
  const logFile = join(directory, 'kube-apiserver.log');
  const process = new ServerProcess({ name: 'kube-apiserver', command, args, logFile, stopSignal: 'TERM' });
  // It signs its own certificate when it starts; the file holds that of its authority, too.
  const certificate = join(certificates, 'apiserver.crt');
  const api = await process.ready(async () => {
    if (!existsSync(certificate)) return undefined;
    const client = new ApiClient({ port, token, ca: readFileSync(certificate, 'utf8') });
    const ready = await client.request('GET', '/readyz').catch(() => undefined);
    return ready?.status === 200 ? client : undefined;
  });
  return { api, process };
}

function serviceAccountKey(directory: string): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const file = join(directory, 'service-account.pem');
  writeFileSync(file, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  return file;
}
