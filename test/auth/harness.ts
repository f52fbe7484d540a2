import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  streams,
  type AuditEvent,
  type Connection,
  type ConnectionEvent,
  type ConnectSession,
  type ProviderAppEvent,
} from '@keyward/contracts';
import { freePort } from '@keyward/embedded';
import { createNatsOperator, mintServiceCreds, type NatsOperator } from '@keyward/nats-accounts';
import { ensureTopology } from '@keyward/jetstream';
import { createKeyFile } from '@keyward/kms-local';
import { createLogin, migrate } from '@keyward/postgres';
import { startService, type RunningService } from '@keyward/service-host';
import {
  sandboxConnectors,
  sandboxVariables,
  testNats,
  testPostgres,
  waitFor,
  type TestNats,
  type TestPostgres,
} from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { openApiDocument } from '../../apps/auth-service/src/openapi/document.js';
import { authService } from '../../apps/auth-service/src/service.js';
import { refresherService } from '../../apps/token-refresher/src/service.js';
import { Documented } from '../support/documented.js';
import { startSandbox, type Sandbox } from '../../apps/sandbox-provider/src/server.js';
import { MANAGEMENT_TOKEN, sandboxConfig } from '../../apps/sandbox-provider/test/config.js';

/** All that are shipped; tests that have to do with the sandbox alone are given no more. */
export const CONNECTORS = fileURLToPath(new URL('../../connectors', import.meta.url));
export const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789';
export const STATE_SECRET = 'state-secret-of-the-tests-0123456789';

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
}

export interface Tenant {
  org: string;
  agent: string;
  app: { id: string; redirectUri: string };
}

/** Only for what a test needs to be another than the rest have. */
export interface HarnessOptions {
  database?: TestPostgres;
  env?: Record<string, string>;
  /** Besides the sandbox's: where auth-service may go on this machine. */
  privateOrigins?: string[];
  /** auth-service, watched. */
  service?: typeof authService;
}

/** Every answer to `ask` is held against it. */
export const documented = new Documented(openApiDocument() as never);

/** auth-service in this process, on a real PostgreSQL, a nats-server in operator mode and a real OAuth server. */
export class AuthHarness {
  private readonly services: RunningService[] = [];

  private constructor(
    readonly url: string,
    readonly sandbox: Sandbox,
    readonly nats: TestNats,
    readonly operator: NatsOperator,
    /** The test's own connection into account KEYWARD. */
    readonly nc: NatsConnection,
    /** As superuser: what a test looks at, or breaks. */
    readonly database: pg.Pool,
    private readonly postgres: TestPostgres,
    private readonly env: Record<string, string>,
    private readonly directory: string,
    private readonly options: typeof authService,
  ) {}

  static async start(options: HarnessOptions = {}): Promise<AuthHarness> {
    const operator = await createNatsOperator();
    const [postgres, nats] = await Promise.all([options.database ?? testPostgres(), testNats({ operator })]);
    await migrate(postgres.url);
    const directory = mkdtempSync(join(tmpdir(), 'keyward-auth-'));
    const credsFile = join(directory, 'service.creds');
    writeFileSync(credsFile, await mintServiceCreds(operator, 'KEYWARD', 'auth-service'), { mode: 0o600 });
    const keyFile = join(directory, 'kms.json');
    await createKeyFile(keyFile);
    const nc = await connect({ servers: nats.url, authenticator: credsAuthenticator(readFileSync(credsFile)) });
    await ensureTopology(nc);
    const sandbox = await startSandbox(sandboxConfig);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const env = {
      KEYWARD_DATABASE_URL: await loginUrl(postgres.url, 'auth'),
      KEYWARD_NATS_URL: nats.url,
      KEYWARD_NATS_CREDS_FILE: credsFile,
      KEYWARD_KMS: 'local',
      KEYWARD_KMS_KEY_FILE: keyFile,
      KEYWARD_CONNECTORS_DIR: sandboxConnectors(CONNECTORS),
      KEYWARD_CONNECTOR_VARIABLES: sandboxVariables(sandbox.url),
      KEYWARD_EGRESS_PRIVATE_ORIGINS: [sandbox.url, ...(options.privateOrigins ?? [])].join(','),
      KEYWARD_HTTP_PORT: String(port),
      KEYWARD_OPS_PORT: '0',
      KEYWARD_AUTH_PUBLIC_URL: url,
      KEYWARD_ADMIN_TOKEN: ADMIN_TOKEN,
      KEYWARD_STATE_SECRET: STATE_SECRET,
      KEYWARD_AGENTS_ACCOUNT: operator.accounts.AGENTS.publicKey,
      KEYWARD_AGENTS_SIGNING_SEED: operator.seeds.agentsSigning,
      KEYWARD_NATS_PUBLIC_URL: nats.url,
      KEYWARD_LOG_LEVEL: process.env['KEYWARD_LOG_LEVEL'] ?? 'fatal',
      // Tests come from one address, click faster than people and fail more often.
      KEYWARD_TRUSTED_PROXIES: '1',
      KEYWARD_FAILED_AUTHENTICATIONS: '10000',
      ...options.env,
    };
    const database = new pg.Pool({ connectionString: postgres.url, max: 3 });
    database.on('error', () => undefined);
    const harness = new AuthHarness(
      env.KEYWARD_AUTH_PUBLIC_URL,
      sandbox,
      nats,
      operator,
      nc,
      database,
      postgres,
      env,
      directory,
      options.service ?? authService,
    );
    await harness.startReplica();
    return harness;
  }

  get keyFile(): string {
    return this.env['KEYWARD_KMS_KEY_FILE'] ?? '';
  }

  /** As auth-service's own login. */
  get loginUrl(): string {
    return this.env['KEYWARD_DATABASE_URL'] ?? '';
  }

  /** As superuser. */
  get adminUrl(): string {
    return this.postgres.url;
  }

  get service(): RunningService {
    const service = this.services.at(-1);
    if (service === undefined) throw new Error('no auth-service runs');
    return service;
  }

  /** Another process would do the same; `env` may give it a port of its own. */
  async startReplica(env: Record<string, string> = {}): Promise<RunningService> {
    const service = await startService(this.options, { ...this.env, ...env });
    this.services.push(service);
    await service.started;
    return service;
  }

  /** In a process of its own, which a test may kill and whose log it may read. Nobody waits for it. */
  spawnReplica(env: Record<string, string> = {}): ChildProcess {
    const loader = ['--conditions=@keyward/source', '--import', './test/support/source-loader.mjs'];
    return spawn(process.execPath, [...loader, 'apps/auth-service/src/main.ts'], {
      cwd: fileURLToPath(new URL('../../', import.meta.url)),
      env: { PATH: process.env['PATH'] ?? '', ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** For what is to be renewed: a real token-refresher beside it. */
  async startRefresher(): Promise<void> {
    const url = await loginUrl(this.postgres.url, 'refresher');
    this.services.unshift(await startService(refresherService(), { ...this.env, KEYWARD_DATABASE_URL: url }));
  }

  async stopServices(): Promise<void> {
    await Promise.all(this.services.splice(0).map((service) => service.stop()));
  }

  async stop(): Promise<void> {
    await this.stopServices();
    await this.sandbox.close();
    await this.database.end();
    await this.nc.close();
    await this.nats.stop();
    await this.postgres.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async ask<T = Record<string, unknown>>(
    path: string,
    { body, method, token = ADMIN_TOKEN }: { body?: unknown; method?: string; token?: string } = {},
  ): Promise<Answer<T>> {
    const usedMethod = method ?? (body === undefined ? 'GET' : 'POST');
    const response = await fetch(this.url + path, {
      method: usedMethod,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: unknown = text === '' ? {} : JSON.parse(text);
    const seen = {
      method: usedMethod,
      path,
      status: response.status,
      contentType: response.headers.get('content-type'),
      body: answer,
    };
    const disagreement = documented.disagreement(seen);
    if (disagreement !== undefined)
      throw new Error(`${usedMethod} ${path} is not answered as documented: ${JSON.stringify({ disagreement, answer })}`);
    return { status: response.status, headers: response.headers, body: answer as T };
  }

  /** An organization with an agent, and nothing else. */
  async team(): Promise<Pick<Tenant, 'org' | 'agent'> & { slug: string }> {
    const slug = `t-${randomBytes(6).toString('hex')}`;
    const org = String((await this.created('/v1/organizations', { slug, name: 'Acme' }))['id']);
    return { org, slug, agent: await this.agent(org) };
  }

  async agent(org: string): Promise<string> {
    const slug = `a-${randomBytes(6).toString('hex')}`;
    return String((await this.created('/v1/agents', { organization: org, slug, name: 'Scribe' }))['id']);
  }

  /** An organization with an agent and a registration at the sandbox. */
  async tenant(names: { organization?: string; agent?: string; returnUrls?: string[] } = {}): Promise<Tenant> {
    const slug = `t-${randomBytes(6).toString('hex')}`;
    const { organization = 'Acme', agent = 'Scribe', returnUrls = [] } = names;
    const org = await this.created('/v1/organizations', { slug, name: organization, returnUrls });
    const agt = await this.created('/v1/agents', { organization: org['id'], slug, name: agent });
    const client = { client_id: slug, client_secret: randomBytes(24).toString('hex') };
    const app = await this.created('/v1/provider-apps', {
      organization: org['id'],
      provider: 'sandbox',
      clientId: client.client_id,
      clientSecret: client.client_secret,
    });
    await this.manageSandbox('clients', { ...client, redirect_uris: [app['redirectUri']] });
    return {
      org: String(org['id']),
      agent: String(agt['id']),
      app: { id: String(app['id']), redirectUri: String(app['redirectUri']) },
    };
  }

  async session({ org, agent }: Tenant, extra: Record<string, unknown> = {}): Promise<ConnectSession> {
    const body = { organization: org, agent, user: 'usr_ada', provider: 'sandbox', ...extra };
    return (await this.created('/v1/connect-sessions', body)) as unknown as ConnectSession;
  }

  async connections({ org }: Pick<Tenant, 'org'>): Promise<Connection[]> {
    const { body } = await this.ask<{ connections: Connection[] }>(`/v1/connections?organization=${org}`);
    return body.connections;
  }

  async sessionRow(id: string): Promise<{ state: string; failure: string | null; connection_id: string | null }> {
    const { rows } = await this.database.query(
      'SELECT state, failure, connection_id FROM connect.connect_session WHERE id = $1',
      [id],
    );
    return rows[0] as { state: string; failure: string | null; connection_id: string | null };
  }

  async manageSandbox<T = Record<string, unknown>>(path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.sandbox.url}/sandbox/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${MANAGEMENT_TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`the sandbox answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  async tokenRequests(): Promise<number> {
    const { counters } = await this.manageSandbox<{ counters: { tokenRequests: number } }>('tokens');
    return counters.tokenRequests;
  }

  auditEvents(org: string): Promise<AuditEvent[]> {
    return this.published<AuditEvent>(streams.audit, `audit.${org}`);
  }

  /** Waits for it: events leave after the transaction that made them. */
  auditEvent(org: string, type: string): Promise<AuditEvent> {
    return waitFor(async () => (await this.auditEvents(org)).find((event) => event.type === type), {
      what: `audit event ${type}`,
    });
  }

  connectionEvents(org: string): Promise<ConnectionEvent[]> {
    return this.published<ConnectionEvent>(streams.connections, `connection.*.${org}`);
  }

  providerAppEvents(org: string): Promise<ProviderAppEvent[]> {
    return this.published<ProviderAppEvent>(streams.connections, `provider_app.*.${org}`);
  }

  private async published<T>(stream: string, filter: string): Promise<T[]> {
    const manager = await jetstreamManager(this.nc);
    const { state } = await manager.streams.info(stream, { subjects_filter: filter });
    const [first, ...rest] = filter.split('.');
    const last = rest.at(-1);
    const found: T[] = [];
    for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(stream, { seq }).catch(() => null);
      const parts = message?.subject.split('.');
      if (parts?.at(-1) === last && parts?.[0] === first) found.push(message?.json<T>() as T);
    }
    return found;
  }

  private async created(path: string, body: unknown): Promise<Record<string, unknown>> {
    const answer = await this.ask(path, { body });
    if (answer.status !== 201) throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}

async function loginUrl(adminUrl: string, service: 'auth' | 'refresher'): Promise<string> {
  const [login, password] = [`${service}_${randomBytes(4).toString('hex')}`, randomBytes(12).toString('hex')];
  await createLogin(adminUrl, { service, login, password });
  const url = new URL(adminUrl);
  [url.username, url.password] = [login, password];
  return url.href;
}
