import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { streams } from '@keyward/contracts';
import { createCredentials } from '@keyward/credentials';
import { createLocalKms } from '@keyward/kms-local';
import { createDataSource } from '@keyward/postgres';
import { createCredentialStore, createDataKeyStore } from '@keyward/postgres-vault';
import { connectUser } from '@keyward/stack';
import { waitFor } from '@keyward/testing';
import { findSecret } from './support/find-secret.js';
import { OtlpCollector } from './support/otlp-collector.js';
import { RecordedAnswers } from './support/recorded-answers.js';
import { callTool, problemOf, wholeSystem } from './support/whole-system.js';

/** Names a secret for the message of a failed test, which must not hold the secret either. */
type Secrets = Map<string, string>;

/**
 * Every secret there is in the running platform is looked for in every place where none may be. So that a search of nothing does not
 * pass, each place must also hold something that is no secret: the id of the connection.
 */
describe('no secret', () => {
  const collector = new OtlpCollector();
  const answers = new RecordedAnswers();
  const secrets: Secrets = new Map();
  let connection = '';
  const system = wholeSystem(async () => ({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: await collector.start(),
      OTEL_BSP_SCHEDULE_DELAY: '100',
      KEYWARD_LOG_LEVEL: 'trace',
      KEYWARD_LOG_REQUESTS: 'true',
    },
  }));

  /** Both tokens of the connection as they are now, opened with the superuser's URL and the key file. */
  async function addStoredTokens(label: string): Promise<void> {
    const { info, paths } = system.stack;
    const dataSource = await createDataSource({ url: info.databaseUrl, applicationName: 'e2e' }).initialize();
    try {
      const row = await createCredentialStore(dataSource).load(info.org, connection);
      const kms = createLocalKms({ keyFile: paths.kmsKeyFile });
      const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(dataSource) });
      if (row === null || row.sealedRefresh === null) throw new Error('the connection holds no refresh token');
      const { generation, sealedAccess, sealedRefresh } = row;
      const ref = { org: info.org, connection, generation };
      const keep = (name: string) => async (token: string) => void secrets.set(`${name} ${label}`, token);
      await credentials.open({ ...ref, sealedAccess }, keep('access token'));
      await credentials.openRefreshToken({ ...ref, sealedRefresh }, keep('refresh token'));
    } finally {
      await dataSource.destroy();
    }
  }

  async function generation(): Promise<number> {
    const dataSource = await createDataSource({ url: system.stack.info.databaseUrl, applicationName: 'e2e' }).initialize();
    try {
      return await createCredentialStore(dataSource).currentGeneration(system.stack.info.org, connection);
    } finally {
      await dataSource.destroy();
    }
  }

  beforeAll(async () => {
    const { info, paths } = system.stack;
    await answers.during(async () => {
      await connectUser(system.stack);
      ({ id: connection } = (await system.agent.get<{ connections: { id: string }[] }>(`/v1/connections?user=${info.user}`))
        .connections[0] ?? { id: '' });
      await addStoredTokens('first');
      // The provider echoes the Authorization header, fails, and is asked for a new token.
      await callTool(system, 'sandbox_echo', { arguments: { message: 'hello' } });
      await callTool(system, 'sandbox_create_note', { arguments: { title: 'A note' } });
      await problemOf(callTool(system, 'sandbox_fail', { arguments: { status: 400 } }));
      await system.levers.post('/sandbox/tokens/expire', { user: info.sandbox.user });
      await callTool(system, 'sandbox_echo', { arguments: { message: 'again' } });
      await waitFor(async () => (await generation()) > 1);
      await addStoredTokens('second');
      await problemOf(callTool(system, 'no_such_tool'));
      await system.agent.get('/v1/tools');
    });
    for (const [name, value] of Object.entries(leaves(JSON.parse(readFileSync(paths.secretsFile, 'utf8'))))) {
      if (!name.startsWith('ports') && name !== 'sandbox.user' && name !== 'sandbox.clientId' && name !== 'version')
        secrets.set(name, value);
    }
    for (const [name, value] of Object.entries(leaves(JSON.parse(readFileSync(paths.kmsKeyFile, 'utf8'))))) {
      if (!name.endsWith('.id') && value.length >= 32) secrets.set(`kms ${name}`, value);
    }
    for (const [name, value] of answers.oneTimeSecrets()) secrets.set(name, value);
    await waitFor(() => collector.bodies.some((body) => body.includes(connection)) || collector.spans.length > 50);
  }, 120_000);
  afterAll(() => collector.stop());

  function expectNone(place: string, bytes: Buffer): void {
    for (const [name, value] of secrets) {
      const dress = findSecret(value, bytes);
      if (dress !== undefined) throw new Error(`${place} holds the secret "${name}" (${dress})`);
    }
  }

  it('is missing from the list of what is looked for', () => {
    for (const name of [
      'access token first',
      'refresh token second',
      'agentKey',
      'adminToken',
      'stateSecret',
      'sandbox.clientSecret',
      'authorization code',
    ])
      expect([...secrets.keys()]).toContain(name);
    expect(secrets.get('access token first')).not.toBe(secrets.get('access token second'));
  });

  it('is in a log', () => {
    const files = readdirSync(system.stack.paths.logs).map((name) => path.join(system.stack.paths.logs, name));
    expect(files.length).toBeGreaterThanOrEqual(6);
    expect(files.some((file) => readFileSync(file).includes(connection))).toBe(true);
    for (const file of files) expectNone(path.basename(file), readFileSync(file));
  });

  it('is in a span', () => {
    expect(collector.spans.length).toBeGreaterThan(20);
    collector.bodies.forEach((body, index) => expectNone(`trace export ${index}`, body));
  });

  it('is in a metric', async () => {
    for (const [service, url] of Object.entries(system.stack.info.metrics)) {
      for (const accept of ['text/plain', 'application/openmetrics-text;version=1.0.0']) {
        const text = await (await fetch(url, { headers: { accept } })).text();
        expect(text).toContain('process_cpu_seconds_total');
        expectNone(`metrics of ${service} as ${accept}`, Buffer.from(text));
      }
    }
  });

  it('is in an answer of ours, body or header', () => {
    const ours = answers.from([system.stack.info.gatewayUrl, system.stack.info.authUrl, system.stack.info.auditUrl]);
    expect(ours.some(({ body }) => body.includes(connection))).toBe(true);
    for (const { url, body, headers } of ours) {
      expectNone(`answer of ${url}`, body);
      // The redirect to the provider must name the state; it is worthless without the browser's cookie.
      const own = Object.entries(headers).filter(([name]) => name !== 'location' && name !== 'set-cookie');
      expectNone(`headers of ${url}`, Buffer.from(JSON.stringify(own)));
    }
  });

  it('is in an address that we redirect to', () => {
    const { authUrl } = system.stack.info;
    const locations = answers.from([authUrl]).flatMap(({ headers }) => headers['location'] ?? []);
    expect(locations.some((location) => location.startsWith(`${system.stack.info.sandbox.url}/auth?`))).toBe(true);
    for (const location of locations) expectNone(`redirect to ${new URL(location, authUrl).origin}`, Buffer.from(location));
  });

  it('is in the store of the bus', () => {
    const files = filesBelow(system.stack.paths.nats);
    expect(files.some((file) => readFileSync(file).includes(connection))).toBe(true);
    expect(files.some((file) => file.includes(`${path.sep}${streams.deadLetters}${path.sep}`))).toBe(true);
    for (const file of files) expectNone(`bus store ${path.basename(file)}`, readFileSync(file));
  });

  it('is in a dump of the database', async () => {
    const dump = await dumpDatabase(system.stack.info.databaseUrl);
    expect(dump.includes(connection)).toBe(true);
    expectNone('database dump', dump);
  });
});

function leaves(value: unknown, at: string[] = []): Record<string, string> {
  if (typeof value !== 'object' || value === null) return { [at.join('.')]: String(value) };
  return Object.assign({}, ...Object.entries(value).map(([key, inner]) => leaves(inner, [...at, key]))) as Record<string, string>;
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(dir, name))
    .filter((file) => statSync(file).isFile());
}

/** Every row of every table as text; bytes as hex, which the search knows. */
async function dumpDatabase(url: string): Promise<Buffer> {
  const dataSource = await createDataSource({ url, applicationName: 'e2e' }).initialize();
  try {
    const tables = await dataSource.query<{ name: string }[]>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const parts: string[] = [];
    for (const { name } of tables) {
      const rows = await dataSource.query<{ line: string }[]>(`SELECT t::text AS line FROM ${name} t`);
      parts.push(name, ...rows.map(({ line }) => line));
    }
    return Buffer.from(parts.join('\n'));
  } finally {
    await dataSource.destroy();
  }
}
