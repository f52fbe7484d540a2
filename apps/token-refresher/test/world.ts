import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newId, streams, subjects, type RefreshReply, type RefreshRequest } from '@keyward/contracts';
import { clientSecretContext, createCredentials, type Credentials } from '@keyward/credentials';
import { connectNats, createPublisher, ensureTopology, ReplyInbox, requestRefresh, type Publisher } from '@keyward/jetstream';
import { openKms } from '@keyward/kms';
import { createKeyFile } from '@keyward/kms-local';
import { createDataSource, createLogin, migrate, withOrg } from '@keyward/postgres';
import { createCredentialStore, createDataKeyStore, type CredentialStore } from '@keyward/postgres-vault';
import { startService, type RunningService } from '@keyward/service-host';
import { sandboxConnectors, sandboxVariables, testNats, testPostgres, type TestNats } from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import type { OnStep } from '../src/refresh/steps.js';
import { refresherService } from '../src/service.js';
import { SandboxProcess, type IssuedTokens } from './sandbox.js';

const CONNECTORS = fileURLToPath(new URL('../../../connectors', import.meta.url));
const CLIENT_SECRET = 'client-secret-of-the-tests';

export interface TestConnection {
  org: string;
  connection: string;
  tokens: IssuedTokens;
}

export interface WorldOptions {
  /** Key and endpoint of a KMS that speaks as AWS does. Default: a key file. */
  kms?: { keyId: string; endpoint: string };
}

export interface ConnectionOptions {
  /** Milliseconds from now; negative: expired. Default 60,000. */
  expiresInMs?: number;
  /** Milliseconds from now. Default never, so that only who asks gets a refresh. */
  refreshInMs?: number | null;
}

/** A database with an organization in it, a bus, a provider, and refreshers over them: all real. */
export class World {
  readonly org = newId('org');
  readonly agent = newId('agt');
  private readonly app = newId('app');
  private readonly clientId = `client-${randomBytes(6).toString('hex')}`;
  private readonly services: RunningService[] = [];
  private readonly closers: (() => Promise<unknown>)[] = [];
  private inbox!: ReplyInbox;
  private publisher!: Publisher;

  private constructor(
    readonly sandbox: SandboxProcess,
    readonly nats: TestNats,
    readonly nc: NatsConnection,
    readonly databaseUrl: string,
    readonly admin: pg.Pool,
    readonly credentials: Credentials,
    readonly store: CredentialStore,
    private readonly refresherUrl: string,
    readonly authSource: ReturnType<typeof createDataSource>,
    private readonly kmsEnv: Record<string, string>,
  ) {}

  static async create(
    database: { url: string; stop(): Promise<void> } | undefined = undefined,
    { kms }: WorldOptions = {},
  ): Promise<World> {
    const postgres = database ?? (await testPostgres());
    await migrate(postgres.url);
    const directory = await mkdtemp(join(tmpdir(), 'refresher-'));
    const keyFile = join(directory, 'kms.json');
    await createKeyFile(keyFile);
    const nats = await testNats();
    const nc = await connectNats({ servers: [nats.url], name: 'test' });
    await ensureTopology(nc);
    const refresherUrl = await loginUrl(postgres.url, 'refresher');
    const authSource = createDataSource({ url: await loginUrl(postgres.url, 'auth'), applicationName: 'test' });
    const refresherSource = createDataSource({ url: refresherUrl, applicationName: 'test' });
    await Promise.all([authSource.initialize(), refresherSource.initialize()]);
    const keys = await openKms(kms === undefined ? { kind: 'local', keyFile } : { kind: 'aws', ...kms });
    const credentials = createCredentials({ kms: keys, dataKeys: createDataKeyStore(authSource) });
    const admin = new pg.Pool({ connectionString: postgres.url, max: 4 });
    admin.on('error', () => undefined);
    const world = new World(
      await SandboxProcess.start(),
      nats,
      nc,
      postgres.url,
      admin,
      credentials,
      createCredentialStore(refresherSource),
      refresherUrl,
      authSource,
      kms === undefined
        ? { KEYWARD_KMS: 'local', KEYWARD_KMS_KEY_FILE: keyFile }
        : { KEYWARD_KMS: 'aws', KEYWARD_KMS_KEY_ID: kms.keyId, KEYWARD_KMS_ENDPOINT: kms.endpoint },
    );
    world.inbox = new ReplyInbox(nc);
    world.publisher = createPublisher(nc);
    world.closers.push(
      () => world.sandbox.stop(),
      () => authSource.destroy(),
      () => refresherSource.destroy(),
      () => admin.end(),
      () => nc.drain(),
      () => nats.stop(),
      () => postgres.stop(),
      () => rm(directory, { recursive: true }),
    );
    await world.seed();
    return world;
  }

  /** Environment of a refresher; the child process of the kill test gets the same. */
  env(changes: Record<string, string> = {}): Record<string, string> {
    return {
      KEYWARD_DATABASE_URL: this.refresherUrl,
      KEYWARD_NATS_URL: this.nats.url,
      ...this.kmsEnv,
      KEYWARD_CONNECTORS_DIR: sandboxConnectors(CONNECTORS),
      KEYWARD_CONNECTOR_VARIABLES: sandboxVariables(this.sandbox.url),
      KEYWARD_EGRESS_PRIVATE_ORIGINS: this.sandbox.url,
      KEYWARD_OPS_PORT: '0',
      KEYWARD_LOG_LEVEL: 'fatal',
      KEYWARD_REFRESH_LEASE_MS: '3000',
      ...changes,
    };
  }

  async startRefresher(changes?: Record<string, string>, onStep?: OnStep): Promise<RunningService> {
    const service = await startService(refresherService(onStep === undefined ? {} : { onStep }), this.env(changes));
    this.services.push(service);
    await service.started;
    return service;
  }

  /** Of all refreshers: the sum of a counter, the value of a gauge that is the same everywhere. */
  async metric(name: string, labels = ''): Promise<number> {
    const values = await Promise.all(
      this.services.map(async ({ opsUrl }) => {
        const text = await (await fetch(`${opsUrl}/metrics`)).text();
        const line = text.split('\n').find((one) => one.startsWith(`${name}{`) && one.includes(labels));
        return Number(line?.split(' ').at(-1) ?? 0);
      }),
    );
    return name.endsWith('_total') ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
  }

  async stopRefreshers(): Promise<void> {
    await Promise.all(this.services.splice(0).map((service) => service.stop()));
  }

  /** An active connection with tokens that the sandbox issued, in generation 1. */
  async connect({ expiresInMs = 60_000, refreshInMs = null }: ConnectionOptions = {}): Promise<TestConnection> {
    const connection = newId('conn');
    const { tokens } = await this.sandbox.manage<{ tokens: [IssuedTokens] }>('tokens/issue', {
      client_id: this.clientId,
      user: 'ada',
    });
    const [issued] = tokens;
    await this.admin.query(
      `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, alias, provider_app_id, scopes, status)
       VALUES ($1, $2, 'usr_ada', 'sandbox', $3, $4, $5, '{notes:read,notes:write}', 'pending')`,
      [connection, this.org, this.agent, connection.slice(-20), this.app],
    );
    const { org } = this;
    const sealed = await this.credentials.sealTokens({
      org,
      connection,
      generation: 1,
      accessToken: issued.access_token,
      refreshToken: issued.refresh_token,
    });
    await withOrg(this.authSource, org, (em) =>
      this.store.storeAuthorized(em, {
        ...{ org, connection, generation: 1, scopes: ['notes:read', 'notes:write'], renewable: true, ...sealed },
        ...{ accessExpiresInMs: expiresInMs, refreshInMs, awakeRefreshInMs: refreshInMs, refreshExpiresInMs: null },
      }),
    );
    return { org, connection, tokens: issued };
  }

  /** Makes the sandbox's registration one whose secret, or rotation, is another than before. */
  register(changes: { client_secret?: string; rotate_refresh_tokens?: boolean } = {}): Promise<unknown> {
    return this.sandbox.manage('clients', {
      client_id: this.clientId,
      client_secret: CLIENT_SECRET,
      redirect_uris: ['https://keyward.example/oauth/callback'],
      ...changes,
    });
  }

  /** What auth-service does when the person has authorized again. */
  async authorizeAgain({ org, connection }: TestConnection, accessToken: string): Promise<void> {
    const generation = (await this.row({ org, connection })).generation + 1;
    const sealed = await this.credentials.sealTokens({ org, connection, generation, accessToken, refreshToken: 'unused' });
    const ends = { accessExpiresInMs: 60_000, refreshInMs: null, awakeRefreshInMs: null, refreshExpiresInMs: null };
    await withOrg(this.authSource, org, (em) =>
      this.store.storeAuthorized(em, {
        org,
        connection,
        generation,
        scopes: ['notes:read'],
        renewable: true,
        ...sealed,
        ...ends,
      }),
    );
  }

  /** Closed with the world. */
  closes(close: () => Promise<unknown>): void {
    this.closers.push(close);
  }

  /** The sandbox connector, with other lines in its manifest: each pair is a line and what it becomes. */
  async connectorsWith(line: string, instead: string, ...more: [line: string, instead: string][]): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'connectors-'));
    this.closers.push(() => rm(directory, { recursive: true }));
    await cp(sandboxConnectors(CONNECTORS), directory, { recursive: true, dereference: true });
    const file = join(directory, 'sandbox', 'connector.yaml');
    let manifest = await readFile(file, 'utf8');
    for (const [from, to] of [[line, instead] as const, ...more]) {
      if (!manifest.includes(from)) throw new Error(`the manifest has no ${from}`);
      manifest = manifest.replace(from, to);
    }
    await writeFile(file, manifest);
    return directory;
  }

  ask(
    { org, connection }: Pick<TestConnection, 'org' | 'connection'>,
    request: Partial<RefreshRequest> = {},
    provider = 'sandbox',
  ): Promise<RefreshReply> {
    return requestRefresh(this.publisher, this.inbox, provider, {
      ...{ org, connection, newerThan: 1, reason: 'expiring', waitMs: 20_000 },
      ...request,
    });
  }

  async row({ org, connection }: Pick<TestConnection, 'org' | 'connection'>) {
    const row = await this.store.load(org, connection);
    if (row === null) throw new Error('the connection is gone');
    return row;
  }

  /** Redeems the refresh token behind the refresher's back, as a process does that dies before it has stored the answer. */
  async redeemAndForget({ tokens }: TestConnection): Promise<void> {
    const response = await fetch(`${this.sandbox.url}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${this.clientId}:${CLIENT_SECRET}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token }),
    });
    if (!response.ok) throw new Error(`the sandbox answered ${response.status}`);
  }

  /** What a process leaves in the store that was killed while it held the lease. @param sentMsAgo null: it had sent nothing */
  async leaveBehind({ connection }: TestConnection, sentMsAgo: number | null): Promise<void> {
    await this.admin.query(
      `UPDATE vault.credential SET lease_owner = 'killed', lease_generation = generation, lease_until = clock_timestamp() - interval '1 ms',
         sent_at = clock_timestamp() - make_interval(secs => $2::double precision / 1000), refresh_at = clock_timestamp()
       WHERE connection_id = $1`,
      [connection, sentMsAgo],
    );
  }

  /** The stored access token, opened. */
  async accessToken(of: Pick<TestConnection, 'org' | 'connection'>): Promise<string> {
    return this.credentials.open(await this.row(of), async (token) => token);
  }

  /** Payloads of what was published on a subject, oldest first. */
  async published(stream: keyof typeof streams, subject: string): Promise<Record<string, unknown>[]> {
    const manager = await jetstreamManager(this.nc);
    const name = streams[stream];
    const { state } = await manager.streams.info(name);
    const found: Record<string, unknown>[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(name, { seq }).catch(() => null);
      if (message !== null && message.subject === subject) found.push(message.json());
    }
    return found;
  }

  async connectionEvents({ connection }: Pick<TestConnection, 'connection'>, event: string): Promise<Record<string, unknown>[]> {
    const all = await this.published('connections', subjects.connectionEvent(event, this.org));
    return all.filter((one) => one['connection'] === connection);
  }

  async auditEvents({ connection }: Pick<TestConnection, 'connection'>, type: string): Promise<Record<string, unknown>[]> {
    const all = await this.published('audit', subjects.audit(this.org));
    return all.filter((one) => one['connection'] === connection && one['type'] === type);
  }

  async close(): Promise<void> {
    await this.stopRefreshers();
    for (const close of this.closers) await close();
  }

  private async seed(): Promise<void> {
    const { org, agent, app } = this;
    await this.register();
    await this.admin.query(`INSERT INTO identity.organization (id, slug, name) VALUES ($1, 'acme', 'Acme')`, [org]);
    const secret = await this.credentials.sealSecret(clientSecretContext({ org, id: app, generation: 1 }), CLIENT_SECRET);
    await this.admin.query(`INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, 'bot', 'Bot')`, [agent, org]);
    await this.admin.query(
      `INSERT INTO vault.provider_app (id, org_id, provider, client_id, sealed_secret, callback_context)
       VALUES ($1, $2, 'sandbox', $3, $4, 'context')`,
      [app, org, this.clientId, secret],
    );
  }
}

async function loginUrl(url: string, service: 'auth' | 'refresher'): Promise<string> {
  const login = `t_${service}_${randomBytes(4).toString('hex')}`;
  await createLogin(url, { service, login, password: `pw-${login}` });
  const withLogin = new URL(url);
  withLogin.username = login;
  withLogin.password = `pw-${login}`;
  return withLogin.href;
}
