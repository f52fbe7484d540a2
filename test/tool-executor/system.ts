import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  authRequests,
  headers,
  newId,
  streams,
  subjects,
  type Assignment,
  type AuditEvent,
  type DeadLetter,
  type ExecutionRequested,
  type ExecutionResult,
  type RefreshReply,
  type RefreshRequest,
} from '@keyward/contracts';
import { createCredentials, privateKeyContext, type Credentials } from '@keyward/credentials';
import { ensureTopology } from '@keyward/jetstream';
import { createKeyFile, createLocalKms } from '@keyward/kms-local';
import { createDataSource, createLogin, migrate } from '@keyward/postgres';
import { createDataKeyStore } from '@keyward/postgres-vault';
import { startService, type RunningService } from '@keyward/service-host';
import { dedicatedPostgres, testNats, type DedicatedPostgres, type TestNats } from '@keyward/testing';
import { HostileServer } from '@keyward/testing/hostile-server';
import { AckPolicy, jetstream, jetstreamManager, type ConsumerMessages } from '@nats-io/jetstream';
import { connect, headers as natsHeaders, type NatsConnection } from '@nats-io/transport-node';
import type { DataSource } from 'typeorm';
import { executorService } from '../../apps/tool-executor/src/service.js';
import { CONNECTOR, TOOLS } from './acme.js';

export interface Person {
  org: string;
  agent: string;
  user: string;
  connection: string;
}

/** A tool-executor in this process, as `main` starts it, on its own PostgreSQL and nats-server; token-refresher and auth-service stand in. */
export class System {
  readonly refreshes: RefreshRequest[] = [];
  /** What token-refresher does with a question; undefined: it does not answer. */
  onRefresh: (request: RefreshRequest) => Promise<RefreshReply | undefined> = (request) => this.renew(request);
  private readonly services: RunningService[] = [];

  private constructor(
    readonly upstream: HostileServer,
    readonly database: DedicatedPostgres,
    readonly nats: TestNats,
    readonly nc: NatsConnection,
    private readonly owner: DataSource,
    private readonly credentials: Credentials,
    private readonly dir: string,
    private readonly refreshMessages: ConsumerMessages,
  ) {}

  /** @param connector the manifest of acme, and its tools, where they matter to the test */
  static async start(connector: string = CONNECTOR, tools: string = TOOLS): Promise<System> {
    const [upstream, database, nats] = await Promise.all([HostileServer.start(), dedicatedPostgres(), testNats()]);
    await migrate(database.url);
    await createLogin(database.url, { service: 'executor', login: 'executor_test', password: 'executor-password' });
    const dir = mkdtempSync(join(tmpdir(), 'keyward-executor-'));
    mkdirSync(join(dir, 'connectors', 'acme'), { recursive: true });
    writeFileSync(join(dir, 'connectors', 'acme', 'connector.yaml'), connector);
    writeFileSync(join(dir, 'connectors', 'acme', 'tools.yaml'), tools);
    await createKeyFile(join(dir, 'kms.json'));
    const owner = createDataSource({ url: database.url, applicationName: 'owner' });
    await owner.initialize();
    const kms = createLocalKms({ keyFile: join(dir, 'kms.json') });
    const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(owner) });
    const nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100, ignoreAuthErrorAbort: true });
    await ensureTopology(nc);
    nc.subscribe(authRequests.createConnectSession, {
      callback: (_error, message) => {
        const session = { id: newId('cse'), url: 'https://connect.example/s', expiresAt: new Date().toISOString() };
        message.respond(JSON.stringify({ outcome: 'created', session }));
      },
    });
    const jsm = await jetstreamManager(nc);
    await jsm.consumers.add(streams.refresh, { durable_name: 'token-refresher', ack_policy: AckPolicy.Explicit });
    const refreshMessages = await (await jetstream(nc).consumers.get(streams.refresh, 'token-refresher')).consume();
    const system = new System(upstream, database, nats, nc, owner, credentials, dir, refreshMessages);
    void system.refreshAsAsked();
    return system;
  }

  async startExecutor(env: Record<string, string> = {}): Promise<RunningService> {
    const url = new URL(this.database.url);
    [url.username, url.password] = ['executor_test', 'executor-password'];
    const service = await startService(executorService(), {
      KEYWARD_DATABASE_URL: url.href,
      KEYWARD_NATS_URL: this.nats.url,
      KEYWARD_KMS: 'local',
      KEYWARD_KMS_KEY_FILE: join(this.dir, 'kms.json'),
      KEYWARD_CONNECTORS_DIR: join(this.dir, 'connectors'),
      KEYWARD_CONNECTOR_VARIABLES: JSON.stringify({ acme: { url: this.upstream.origin } }),
      KEYWARD_EGRESS_PRIVATE_ORIGINS: this.upstream.origin,
      KEYWARD_OPS_PORT: '0',
      KEYWARD_LOG_LEVEL: process.env['KEYWARD_LOG_LEVEL'] ?? 'fatal',
      ...env,
    });
    this.services.push(service);
    return service;
  }

  async stop(): Promise<void> {
    await Promise.all(this.services.map((service) => service.stop()));
    await this.refreshMessages.close();
    await this.nc.close();
    await this.owner.destroy();
    await this.upstream.stop();
    await this.nats.stop();
    await this.database.stop();
    rmSync(this.dir, { recursive: true });
  }

  /** An organization, an agent that may use the provider, and a user's connection with the given token. */
  async person(
    token: string,
    permission: Assignment['permission'] = 'destructive',
    { provider = 'acme', scopes = ['things:read', 'things:write'] }: { provider?: string; scopes?: string[] } = {},
  ): Promise<Person> {
    const [org, agent, connection, app] = [newId('org'), newId('agt'), newId('conn'), newId('app')];
    const user = 'usr_ada';
    await this.sql('INSERT INTO identity.organization (id, slug, name) VALUES ($1, $1, $1)', [org]);
    await this.sql('INSERT INTO identity.agent (id, org_id, slug, name) VALUES ($1, $2, $1, $1)', [agent, org]);
    await this.sql(
      `INSERT INTO governance.assignment (id, org_id, agent_id, connector, permission) VALUES ($1, $2, $3, $5, $4)`,
      [newId('asg'), org, agent, permission, provider],
    );
    await this.sql(
      `INSERT INTO vault.provider_app (id, org_id, provider, client_id, callback_context) VALUES ($1, $2, $3, 'client', $1)`,
      [app, org, provider],
    );
    await this.sql(
      `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, scopes, status)
       VALUES ($1, $2, $3, $6, $4, $5, $7, 'active')`,
      [connection, org, user, agent, app, provider, scopes],
    );
    const { sealedAccess, sealedRefresh } = await this.seal({ org, connection, generation: 1, accessToken: token });
    await this.sql(
      `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, sealed_refresh, access_expires_at, generation, renewable)
       VALUES ($1, $2, $5, $3, $4, now() + interval '1 hour', 1, true)`,
      [connection, org, sealedAccess, sealedRefresh, provider],
    );
    return { org, agent, user, connection };
  }

  /** Gives the organization's registration a certificate and its key, both PEM. */
  async certify(org: string, { certificate, privateKey }: { certificate: string; privateKey: string }): Promise<void> {
    const [app] = await this.owner.query<{ id: string; generation: number }[]>(
      'SELECT id, generation FROM vault.provider_app WHERE org_id = $1',
      [org],
    );
    if (app === undefined) throw new Error('the organization has no registration');
    const sealedKey = await this.credentials.sealSecret(privateKeyContext({ org, ...app }), privateKey);
    await this.sql('UPDATE vault.provider_app SET certificate = $2, sealed_key = $3 WHERE id = $1', [
      ...[app.id, certificate, sealedKey],
    ]);
  }

  /** Destroys the organization's data keys, as auth-service does; no process is told. */
  shred(org: string): Promise<number> {
    return this.credentials.shredOrganization(org);
  }

  sql(text: string, values: unknown[]): Promise<unknown> {
    return this.owner.query(text, values);
  }

  request({ org, agent, user }: Person, tool: string, more: Partial<ExecutionRequested> = {}): ExecutionRequested {
    const now = Date.now();
    return {
      ...{ id: newId('exe'), org, agent, tool, user, arguments: { id: 'one' }, dryRun: false },
      requestedAt: new Date(now).toISOString(),
      timeoutMs: 20_000,
      ...more,
    };
  }

  /** As the gateway hands it over. The promise is the reply. */
  async ask(
    request: ExecutionRequested,
    payload: string = JSON.stringify(request),
    traceparent?: string,
  ): Promise<{ reply: Promise<ExecutionResult> }> {
    const inbox = `_INBOX.${newId('msg')}`;
    const subscription = this.nc.subscribe(inbox, { max: 1 });
    const reply = (async () => {
      for await (const message of subscription) return message.json<ExecutionResult>();
      throw new Error('no reply');
    })();
    reply.catch(() => undefined);
    const sent = natsHeaders();
    sent.set(headers.replyTo, inbox);
    if (traceparent !== undefined) sent.set(headers.traceparent, traceparent);
    await jetstream(this.nc).publish(subjects.executionRequested(request.org, request.agent, request.id), payload, {
      msgID: request.id,
      headers: sent,
    });
    return { reply };
  }

  async call(person: Person, tool: string, more: Partial<ExecutionRequested> = {}): Promise<ExecutionResult> {
    return (await this.ask(this.request(person, tool, more))).reply;
  }

  async auditEvents(execution: string): Promise<AuditEvent[]> {
    return (await this.messages<AuditEvent>(streams.audit)).filter((event) => event.execution === execution);
  }

  async kept(id: string): Promise<ExecutionResult[]> {
    return (await this.messages<ExecutionResult>(streams.results)).filter((result) => result.id === id);
  }

  deadLetters(): Promise<DeadLetter[]> {
    return this.messages<DeadLetter>(streams.deadLetters);
  }

  async queued(): Promise<number> {
    return (await (await jetstreamManager(this.nc)).streams.info(streams.executions)).state.messages;
  }

  /** A stream that is full refuses, as AUDIT does when audit-service has been away for too long. */
  async setAuditFull(full: boolean): Promise<void> {
    const jsm = await jetstreamManager(this.nc);
    const { config, state } = await jsm.streams.info(streams.audit);
    await jsm.streams.update(streams.audit, { ...config, max_msgs: full ? Math.max(1, state.messages) : -1 });
  }

  private async messages<T>(stream: string): Promise<T[]> {
    const jsm = await jetstreamManager(this.nc);
    const { state } = await jsm.streams.info(stream);
    const found: T[] = [];
    for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
      const message = await jsm.streams.getMessage(stream, { seq });
      if (message !== null) found.push(message.json<T>());
    }
    return found;
  }

  private seal(tokens: { org: string; connection: string; generation: number; accessToken: string }) {
    return this.credentials.sealTokens({ ...tokens, refreshToken: 'refresh-token-of-the-test' });
  }

  /** What token-refresher does, minus the provider: a new generation under the same connection. */
  async renew({ org, connection, newerThan }: RefreshRequest): Promise<RefreshReply> {
    const generation = newerThan + 1;
    const { sealedAccess } = await this.seal({ org, connection, generation, accessToken: `renewed-token-${generation}` });
    await this.sql(
      `UPDATE vault.credential SET sealed_access = $3, generation = $4, access_expires_at = now() + interval '1 hour'
       WHERE org_id = $1 AND connection_id = $2`,
      [org, connection, sealedAccess, generation],
    );
    return { outcome: 'refreshed', generation };
  }

  private async refreshAsAsked(): Promise<void> {
    for await (const message of this.refreshMessages) {
      const request = message.json<RefreshRequest>();
      this.refreshes.push(request);
      const reply = await this.onRefresh(request);
      if (reply !== undefined) this.nc.publish(message.headers?.get(headers.replyTo) ?? '', JSON.stringify(reply));
      message.ack();
    }
  }
}
