import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Catalog, createCatalogs, loadCatalog, type PostedConnector } from '@keyward/connectors';
import {
  KeywardError,
  newId,
  toProblem,
  type AuditEvent,
  type ExecutionRequested,
  type ExecutionResult,
  type ProviderPaused,
  type RefreshReply,
  type RefreshRequest,
} from '@keyward/contracts';
import type { CallConnection, CallCredential, CallQuery } from '@keyward/credentials';
import { createEgress, type Egress } from '@keyward/egress';
import { createMemoryQuotaStore, MemoryBudgetStore, type QuotaStore, type RoomBounds } from '@keyward/limits';
import { createDataSource, createLogin, migrate } from '@keyward/postgres';
import { testPostgres, type TestPostgres } from '@keyward/testing';
import { HostileServer } from '@keyward/testing/hostile-server';
import { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { Budgets } from '../../apps/tool-executor/src/budget/budgets.js';
import { createBudgetMetrics } from '../../apps/tool-executor/src/budget/metrics.js';
import type { WantedLink } from '../../apps/tool-executor/src/connection/connect-links.js';
import { RefreshFlights } from '../../apps/tool-executor/src/connection/refresh-flights.js';
import { RefusedTokens } from '../../apps/tool-executor/src/connection/refused-tokens.js';
import { Call } from '../../apps/tool-executor/src/execute/call.js';
import { execute } from '../../apps/tool-executor/src/execute/execute.js';
import type { ExecutorParts } from '../../apps/tool-executor/src/execute/parts.js';
import { ExecutionRows } from '../../apps/tool-executor/src/intent/execution-rows.js';
import { Intents } from '../../apps/tool-executor/src/intent/intents.js';
import { ExecutorLimits } from '../../apps/tool-executor/src/limits/executor-limits.js';
import { createMetrics } from '../../apps/tool-executor/src/metrics.js';
import { Waiting } from '../../apps/tool-executor/src/waiting/waiting.js';
import { WaitingRows } from '../../apps/tool-executor/src/waiting/waiting-rows.js';
import { McpServers } from '../../apps/tool-executor/src/provider/mcp/mcp-servers.js';
import { CONNECTOR, TOOLS } from './acme.js';

/** An execution with everything real but the two ports to the vault, which a test sets as it likes: rows in PostgreSQL, HTTP upstream. */
export class Workbench {
  readonly audited: AuditEvent[] = [];
  readonly opened: string[] = [];
  readonly refreshes: RefreshRequest[] = [];
  readonly links: WantedLink[] = [];
  readonly uses = new Set<string>();
  /** Connectors of the organization's own, as they are read with its first call. */
  posted: PostedConnector[] = [];
  readonly refused: object[] = [];
  readonly revoked = new Set<string>();
  /** What the database says of the caller. */
  grant: CallCredential;
  auditIsDown = false;
  databaseIsDown = false;
  readonly queries: CallQuery[] = [];
  /** Runs when a refresh is asked for; the new state of the grant is for it to set. */
  onRefresh: (request: RefreshRequest) => RefreshReply | Promise<RefreshReply>;
  /** Runs while a credential is opened. */
  onOpen: () => Promise<void> | void = () => undefined;
  readonly org = newId('org');
  readonly agent = newId('agt');
  readonly parts: ExecutorParts;
  readonly metrics = new Registry();
  readonly budgetStore = new MemoryBudgetStore();
  readonly budgets = new Budgets({
    store: this.budgetStore,
    metrics: createBudgetMetrics(this.metrics),
    onUncounted: () => undefined,
  });
  private readonly deployment = { current: new Catalog(new Map(), new Map()) };
  private readonly executorMetrics = createMetrics(this.metrics, this.deployment);
  /** What the other replicas were told. */
  readonly pauses: ProviderPaused[] = [];

  private constructor(
    readonly upstream: HostileServer,
    readonly rows: ExecutionRows,
    readonly waitingRows: WaitingRows,
    /** May do everything, in every organization. */
    readonly owner: DataSource,
    private readonly egress: Egress,
    private readonly closers: (() => Promise<unknown> | void)[],
    private readonly dir: string,
  ) {
    this.grant = { permission: 'destructive', tools: null, connection: activeConnection() };
    this.onRefresh = () => this.renew();
    this.parts = {
      catalogs: this.catalogsOf(dir),
      calls: { openForCall: (query) => this.openForCall(query) },
      credentials: {
        open: (ref, use) => this.open(ref.sealedAccess, use),
        openSecret: () => Promise.reject(new Error('no connection here has a certificate')),
      },
      egress,
      mcpServers: new McpServers(),
      budgets: this.budgets,
      currency: 'USD',
      recorded: { arguments: false },
      intents: new Intents(rows),
      waiting: new Waiting(waitingRows),
      limits: this.limitsOver(createMemoryQuotaStore()),
      audit: { record: (event) => this.record(event) },
      links: {
        create: async (_call, _provider, wanted) => (this.links.push(wanted), { connectUrl: 'https://connect.example/c1' }),
      },
      refreshes: new RefreshFlights(async (_provider, request) => (this.refreshes.push(request), this.onRefresh(request))),
      refused: new RefusedTokens(),
      uses: { note: (_org, connection) => this.uses.add(connection) },
      isRevoked: ({ connection }) => connection !== null && this.revoked.has(connection.id),
      metrics: this.executorMetrics,
      artifacts: null,
      maxOutputBytes: 100_000,
      random: () => 0,
    };
  }

  static async start(): Promise<Workbench> {
    const upstream = await HostileServer.start();
    const { database, dataSource, stop } = await executorDatabase();
    const owner = createDataSource({ url: database.url, applicationName: 'test' });
    await owner.initialize();
    const dir = mkdtempSync(join(tmpdir(), 'keyward-acme-'));
    mkdirSync(join(dir, 'acme'));
    writeFileSync(join(dir, 'acme', 'connector.yaml'), CONNECTOR);
    writeFileSync(join(dir, 'acme', 'tools.yaml'), TOOLS);
    const egress = createEgress({ privateOrigins: [upstream.origin] });
    const closers = [
      () => rmSync(dir, { recursive: true }),
      upstream.stop,
      () => dataSource.destroy(),
      () => owner.destroy(),
      stop,
    ];
    return new Workbench(upstream, new ExecutionRows(dataSource), new WaitingRows(dataSource), owner, egress, closers, dir);
  }

  async stop(): Promise<void> {
    await this.egress.close();
    for (const close of this.closers) await close();
  }

  /** One connector more in the deployment, until the next reset. */
  deploy(name: string, manifest: string, tools: string): void {
    mkdirSync(join(this.dir, name), { recursive: true });
    writeFileSync(join(this.dir, name, 'connector.yaml'), manifest);
    writeFileSync(join(this.dir, name, 'tools.yaml'), tools);
    this.parts.catalogs = this.catalogsOf(this.dir);
  }

  private catalogsOf(dir: string): ExecutorParts['catalogs'] {
    this.deployment.current = loadCatalog(dir, { acme: { url: this.upstream.origin } });
    return createCatalogs({
      deployment: this.deployment,
      load: async () => this.posted,
      logger: { warn: (context) => this.refused.push(context) },
    });
  }

  /** Limits of a replica of its own that knows of no pause yet. */
  limitsOver(store: QuotaStore, room: RoomBounds = { perAgent: 100, perOrganization: 200, total: 400 }): ExecutorLimits {
    const { limits: metrics } = this.executorMetrics;
    return new ExecutorLimits({ store, room, metrics, onPause: (pause) => this.pauses.push(pause), random: () => 0 });
  }

  /** A clean slate between tests; the servers stay. */
  reset(): void {
    this.upstream.requests.length = 0;
    this.upstream.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    for (const list of [this.audited, this.opened, this.refreshes, this.links, this.queries]) list.length = 0;
    this.revoked.clear();
    this.uses.clear();
    this.posted = [];
    this.refused.length = 0;
    this.pauses.length = 0;
    this.parts.limits = this.limitsOver(createMemoryQuotaStore());
    this.parts.catalogs = this.catalogsOf(this.dir);
    this.auditIsDown = false;
    this.databaseIsDown = false;
    this.onRefresh = () => this.renew();
    this.onOpen = () => undefined;
    this.grant = { permission: 'destructive', tools: null, connection: activeConnection() };
  }

  request(tool: string, more: Partial<ExecutionRequested> = {}): ExecutionRequested {
    const { timeoutMs = 5_000, ...fields } = more;
    return {
      id: newId('exe'),
      org: this.org,
      agent: this.agent,
      tool,
      arguments: tool === 'acme_list' ? {} : { id: 'one' },
      user: 'usr_ada',
      dryRun: false,
      requestedAt: new Date().toISOString(),
      timeoutMs,
      ...fields,
    };
  }

  run(request: ExecutionRequested, deliveries = 1, ageMs = 0, isReplayed = false): Promise<ExecutionResult> {
    return execute(this.parts, new Call(request, deliveries, ageMs, isReplayed));
  }

  call(tool: string, more: Parameters<Workbench['request']>[1] = {}): Promise<ExecutionResult> {
    return this.run(this.request(tool, more));
  }

  /** The connection as it is in the grant, to be changed. */
  get connection(): CallConnection {
    if (this.grant.connection === null) throw new Error('there is no connection');
    return this.grant.connection;
  }

  renew(generation: number = this.connection.generation + 1): RefreshReply {
    this.grant.connection = { ...this.connection, ...tokenOf(generation) };
    return { outcome: 'refreshed', generation };
  }

  get authorizations(): (string | undefined)[] {
    return this.upstream.requests.map((request) => request.headers.authorization);
  }

  private async openForCall(query: CallQuery): Promise<CallCredential> {
    this.queries.push(query);
    if (this.databaseIsDown) throw new KeywardError('dependency_unavailable', 'The database is not reachable at the moment.');
    const { connection } = this.grant;
    return { ...this.grant, connection: connection === null ? null : { ...connection, readAt: performance.now() } };
  }

  private async open<T>(sealed: Buffer, use: (token: string) => Promise<T>): Promise<T> {
    const token = sealed.toString();
    this.opened.push(token);
    await this.onOpen();
    return use(token);
  }

  private async record(event: AuditEvent): Promise<void> {
    if (this.auditIsDown) throw new KeywardError('dependency_unavailable', 'The message bus did not accept the message.');
    this.audited.push(event);
  }
}

export function refusedRefresh(code: ConstructorParameters<typeof KeywardError>[0]): RefreshReply {
  return { outcome: 'failed', error: toProblem(new KeywardError(code, 'The refresher says no.')) };
}

/** What the fake vault gives for a generation: long enough to be recognised when it is echoed. */
export function tokenOf(
  generation: number,
): Pick<CallConnection, 'generation' | 'sealedAccess' | 'accessExpiresInMs' | 'readAt'> {
  const sealedAccess = Buffer.from(`access-token-of-generation-${generation}`);
  return { generation, sealedAccess, accessExpiresInMs: 120_000, readAt: performance.now() };
}

function activeConnection(): CallConnection {
  return {
    id: newId('conn'),
    kind: 'agent',
    alias: 'default',
    status: 'active',
    statusReason: null,
    scopes: ['things:read', 'things:write'],
    refreshable: true,
    parameters: {},
    clientId: 'client',
    appParameters: {},
    clientCertificate: null,
    ...tokenOf(1),
  };
}

/** The executor's own least-privilege login on a fresh database. */
async function executorDatabase(): Promise<{
  database: TestPostgres;
  url: string;
  dataSource: DataSource;
  stop(): Promise<void>;
}> {
  const database = await testPostgres();
  await migrate(database.url);
  const [login, password] = [`executor_${randomBytes(4).toString('hex')}`, randomBytes(12).toString('hex')];
  await createLogin(database.url, { service: 'executor', login, password });
  const url = new URL(database.url);
  [url.username, url.password] = [login, password];
  const dataSource = createDataSource({ url: url.href, applicationName: 'tool-executor-test' });
  await dataSource.initialize();
  return { database, url: url.href, dataSource, stop: () => database.stop() };
}
