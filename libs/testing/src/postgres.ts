import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { testBackend } from './backend.js';
import { embeddedPostgres } from './embedded-postgres.js';

export interface TestPostgres {
  /** A fresh, empty database, as superuser. */
  url: string;
  /** Drops the database; with the last one goes the server. */
  stop(): Promise<void>;
}

export interface DedicatedPostgres extends TestPostgres {
  /** As a crash would: no shutdown, sessions cut. The data stay. */
  kill(): Promise<void>;
  /** On the same data and the same URL, after `kill`. */
  restart(): Promise<void>;
}

interface TestServer {
  url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  remove(): Promise<void>;
}

async function startServer(): Promise<TestServer> {
  switch (await testBackend()) {
    case 'external':
      return externalServer();
    case 'testcontainers': {
      // Loaded where it is used: it takes longer to load than an embedded server takes to start.
      const { containerPostgres } = await import('./container-postgres.js');
      return containerPostgres();
    }
    case 'embedded':
      return embeddedServer();
  }
}

async function embeddedServer(): Promise<TestServer> {
  const started = await embeddedPostgres();
  return {
    url: started.server.url,
    kill: () => started.server.kill(),
    restart: async () => void (await started.again()),
    remove: started.remove,
  };
}

function externalServer(): TestServer {
  const url = process.env['KEYWARD_TEST_DATABASE_URL'];
  if (url === undefined)
    throw new Error('KEYWARD_TEST_BACKEND=external needs KEYWARD_TEST_DATABASE_URL: a superuser of a server for tests.');
  const never = (): Promise<void> => Promise.reject(new Error('somebody else’s server is not ours to kill'));
  return { url, kill: never, restart: never, remove: () => Promise.resolve() };
}

/** One server per test file, with a database per caller: roles belong to a server, so files cannot disturb each other. */
let shared: { server: Promise<TestServer>; users: number } | undefined;

async function administer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function createDatabase(serverUrl: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** A fresh, empty PostgreSQL database for one test file or test; cheap after the first. */
export async function testPostgres(): Promise<TestPostgres> {
  shared ??= { server: startServer(), users: 0 };
  const mine = shared;
  mine.users += 1;
  const server = await mine.server;
  const database = await createDatabase(server.url);
  let stopped = false;
  return {
    url: database.url,
    stop: async () => {
      if (stopped) return;
      stopped = true;
      mine.users -= 1;
      if (mine.users > 0) return database.drop();
      if (shared === mine) shared = undefined;
      if ((await testBackend()) === 'external') await database.drop();
      await server.remove();
    },
  };
}

/** A PostgreSQL server of its own, for tests in which it dies. What a server of somebody else cannot be made to do, ours does. */
export async function dedicatedPostgres(): Promise<DedicatedPostgres> {
  const server = (await testBackend()) === 'external' ? await embeddedServer() : await startServer();
  const database = await createDatabase(server.url);
  return { url: database.url, kill: () => server.kill(), restart: () => server.restart(), stop: () => server.remove() };
}
