import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { childrenOf } from './child-processes.js';
import { startPostgres, type PostgresServer } from './postgres.js';
import { initCluster, postgresBinaries, superuserPassword } from './postgres-cluster.js';
import { serverIdentity, unprivileged } from './unprivileged.js';

let directory: string;
let server: PostgresServer | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyward-pg-'));
  chmodSync(directory, 0o711);
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}

describe('startPostgres', () => {
  it('is killed with all of its sessions, be they too slow to notice that it is gone', async () => {
    server = await startPostgres({ dataDir: join(directory, 'data'), durable: false });
    const client = new pg.Client({ connectionString: server.url });
    client.on('error', () => undefined);
    await client.connect();
    const [{ pid } = { pid: 0 }] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
    process.kill(pid, 'SIGSTOP');
    const cut = new Promise((resolve) => client.once('end', resolve));
    await server.kill();
    await cut;
    expect(await childrenOf(server.pid)).toEqual([]);
  });

  it('serves a database that nobody else can log into, and keeps its data from start to start', async () => {
    const dataDir = join(directory, 'data');
    server = await startPostgres({ dataDir });
    await query(server.url, 'CREATE TABLE note AS SELECT 1 AS id');
    const stranger = new URL(server.url);
    stranger.password = 'guess';
    await expect(query(stranger.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    await server.stop();
    server = await startPostgres({ dataDir, port: server.port });
    expect(await query(server.url, 'SELECT id FROM note')).toEqual([{ id: 1 }]);
  });

  it('flushes to disk unless told that the data are for nobody', async () => {
    server = await startPostgres({ dataDir: join(directory, 'durable') });
    expect(await query(server.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
    await server.stop();
    server = await startPostgres({ dataDir: join(directory, 'volatile'), durable: false });
    expect(await query(server.url, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
  });

  it('comes back after a crash', async () => {
    const dataDir = join(directory, 'data');
    server = await startPostgres({ dataDir, durable: false });
    await query(server.url, 'CREATE TABLE note AS SELECT 1 AS id');
    await server.kill();
    server = await startPostgres({ dataDir, durable: false, port: server.port });
    expect(await query(server.url, 'SELECT id FROM note')).toEqual([{ id: 1 }]);
  });

  it('stops one that an earlier run left behind on the same data', async () => {
    const dataDir = join(directory, 'data');
    await initCluster(dataDir, false);
    const cluster = join(dataDir, 'cluster');
    const args = ['-D', cluster, '-c', 'port=1', '-c', 'listen_addresses=', '-c', 'unix_socket_directories='];
    const { command, args: all, ...as } = unprivileged(serverIdentity(), [cluster], join(postgresBinaries(), 'postgres'), args);
    const orphan = spawn(command, all, { ...as, cwd: '/', stdio: 'ignore' });
    const ended = new Promise((resolve) => orphan.once('exit', resolve));
    while (!existsSync(join(cluster, 'postmaster.pid'))) await new Promise((resolve) => setTimeout(resolve, 10));
    server = await startPostgres({ dataDir, durable: false });
    await ended;
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says what the server said when it cannot start', async () => {
    const dataDir = join(directory, 'data');
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const failure = startPostgres({ dataDir, durable: false, port });
    await expect(failure).rejects.toThrow(/could not bind|Address already in use/);
    await expect(failure).rejects.toThrow(/Log: .*postgres\.log/);
    taken.close();
  });

  it('makes a cluster anew where an initdb was interrupted', async () => {
    const dataDir = join(directory, 'data');
    mkdirSync(join(dataDir, 'cluster', 'half'), { recursive: true });
    chmodSync(dataDir, 0o711);
    server = await startPostgres({ dataDir, durable: false });
    expect(existsSync(join(dataDir, 'cluster', 'half'))).toBe(false);
    expect(superuserPassword(dataDir)).toBe(readFileSync(join(dataDir, 'superuser.password'), 'utf8'));
  });

  const asRoot = process.getuid?.() === 0 ? it : it.skip;
  asRoot('works for root below a directory that only root may enter, such as /root', async () => {
    chmodSync(directory, 0o700);
    server = await startPostgres({ dataDir: join(directory, 'data'), durable: false });
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const owner = readFileSync(`/proc/${server.pid}/status`, 'utf8').match(/^Uid:\s+(\d+)/m)?.[1];
    expect(Number(owner)).toBe(serverIdentity()?.uid);
  });
});
