import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCatalog, type Catalog, type ProviderManifest } from '@keyward/connectors';
import { newId } from '@keyward/contracts';
import { createCredentials, type Credentials } from '@keyward/credentials';
import { ensureTopology } from '@keyward/jetstream';
import { createKeyFile, createLocalKms } from '@keyward/kms-local';
import { createDataSource, createLogin, migrate } from '@keyward/postgres';
import { createDataKeyStore } from '@keyward/postgres-vault';
import { startService, type RunningService } from '@keyward/service-host';
import { testNats, testPostgres, type TestNats, type TestPostgres } from '@keyward/testing';
import { loadConnectors, readSamples, stageConnector, valuesFor, vendorConnectors, VendorStub } from '@keyward/vendor-contracts';
import { connect } from '@nats-io/transport-node';
import type { DataSource } from 'typeorm';
import { gatewayService } from '../../apps/gateway/src/service.js';
import { executorService } from '../../apps/tool-executor/src/service.js';
import { Seed, type SeededAgent } from '../gateway/seed.js';

const CONNECTORS = join(import.meta.dirname, '../../connectors');
const USER = 'usr_ada';

/** Every vendor of the catalog as its contract describes it, and a gateway and a tool-executor that know it by nothing else. */
export class World {
  private readonly services: RunningService[] = [];
  private url = '';

  private constructor(
    readonly stubs: ReadonlyMap<string, VendorStub>,
    /** The connectors as the services have them. */
    readonly catalog: Catalog,
    private readonly dir: string,
    private readonly database: TestPostgres,
    private readonly nats: TestNats,
    private readonly owner: DataSource,
    private readonly seed: Seed,
    private readonly agent: SeededAgent,
  ) {}

  static async start(): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), 'keyward-vendors-'));
    const [database, nats, stubs] = await Promise.all([testPostgres(), testNats(), startStubs(join(dir, 'connectors'))]);
    await migrate(database.url);
    await createKeyFile(join(dir, 'kms.json'));
    const nc = await connect({ servers: nats.url });
    await ensureTopology(nc);
    await nc.close();
    const owner = createDataSource({ url: database.url, applicationName: 'owner' });
    await owner.initialize();
    const seed = await Seed.open(database.url);
    const org = await seed.organization();
    const assignments = [...stubs.keys()].map((connector) => ({ connector, permission: 'destructive' as const, tools: null }));
    const agent = await seed.agent(org, ...assignments);
    const catalog = loadCatalog(join(dir, 'connectors'), {});
    const world = new World(stubs, catalog, dir, database, nats, owner, seed, agent);
    await world.connectAll();
    await world.startServices();
    return world;
  }

  async stop(): Promise<void> {
    await Promise.all(this.services.map((service) => service.stop()));
    await Promise.all([...this.stubs.values()].map((stub) => stub.stop()));
    await this.seed.close();
    await this.owner.destroy();
    await Promise.all([this.nats.stop(), this.database.stop()]);
    rmSync(this.dir, { recursive: true });
  }

  /** As an agent calls it. */
  async call(tool: string, args: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/v1/tools/${tool}/execute`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.agent.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ user: USER, arguments: args }),
    });
    return (await response.json()) as Record<string, unknown>;
  }

  private async startServices(): Promise<void> {
    const shared = {
      KEYWARD_NATS_URL: this.nats.url,
      KEYWARD_CONNECTORS_DIR: join(this.dir, 'connectors'),
      KEYWARD_OPS_PORT: '0',
      KEYWARD_LOG_LEVEL: process.env['KEYWARD_LOG_LEVEL'] ?? 'fatal',
    };
    const [gateway, executor] = await Promise.all([this.login('gateway'), this.login('executor')]);
    this.services.push(
      await startService(executorService(), {
        ...shared,
        KEYWARD_DATABASE_URL: executor,
        KEYWARD_KMS: 'local',
        KEYWARD_KMS_KEY_FILE: join(this.dir, 'kms.json'),
        KEYWARD_EGRESS_PRIVATE_ORIGINS: [...this.stubs.values()].map(({ origin }) => origin).join(','),
      }),
      await startService(gatewayService(), { ...shared, KEYWARD_DATABASE_URL: gateway, KEYWARD_HTTP_PORT: '0' }),
    );
    const started = await Promise.all(this.services.map((service) => service.started));
    this.url = started.at(-1)?.httpUrl ?? '';
  }

  private async login(service: 'gateway' | 'executor'): Promise<string> {
    const [login, password] = [`${service}_${randomBytes(4).toString('hex')}`, randomBytes(12).toString('hex')];
    await createLogin(this.database.url, { service, login, password });
    const url = new URL(this.database.url);
    [url.username, url.password] = [login, password];
    return url.href;
  }

  private async connectAll(): Promise<void> {
    const kms = createLocalKms({ keyFile: join(this.dir, 'kms.json') });
    const credentials = createCredentials({ kms, dataKeys: createDataKeyStore(this.owner) });
    for (const provider of this.catalog.connectors()) await this.connect(provider, credentials);
  }

  /** What auth-service leaves behind once a person has connected: a registration, a connection and a sealed token. */
  private async connect(provider: ProviderManifest, credentials: Credentials): Promise<void> {
    const { org, agent } = this.agent;
    const [connection, app] = [newId('conn'), newId('app')];
    const values = valuesFor(provider, readSamples(join(CONNECTORS, provider.name)).connection);
    const scopes = new Set(this.catalog.toolsOf(provider.name).flatMap((tool) => tool.scopes.flat()));
    await this.owner.query(
      `INSERT INTO vault.provider_app (id, org_id, provider, client_id, callback_context, parameters) VALUES ($1, $2, $3, 'client', $1, $4)`,
      [app, org, provider.name, values.app],
    );
    await this.owner.query(
      `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, provider_app_id, scopes, status, parameters)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8)`,
      [connection, org, USER, provider.name, agent, app, [...scopes], values.connection],
    );
    const accessToken = secretOf(provider.name);
    const tokens = { org, connection, generation: 1, accessToken, refreshToken: 'refresh-token-of-the-test' };
    const { sealedAccess, sealedRefresh } = await credentials.sealTokens(tokens);
    await this.owner.query(
      `INSERT INTO vault.credential (connection_id, org_id, provider, sealed_access, sealed_refresh, access_expires_at, generation, renewable)
       VALUES ($1, $2, $3, $4, $5, now() + interval '1 hour', 1, true)`,
      [connection, org, provider.name, sealedAccess, sealedRefresh],
    );
  }
}

export const secretOf = (connector: string) => `secret-of-${connector}-0123456789`;

/** A stub for each vendor, and its connector in `into` with the stub's address instead of the vendor's. */
async function startStubs(into: string): Promise<ReadonlyMap<string, VendorStub>> {
  const connectors = vendorConnectors(CONNECTORS);
  const originals = loadConnectors(CONNECTORS, connectors);
  const stubs = new Map<string, VendorStub>();
  cpSync(join(CONNECTORS, 'unified'), join(into, 'unified'), { recursive: true });
  for (const connector of connectors) {
    const provider = originals.connector(connector);
    if (provider === undefined) throw new Error(`there is no connector ${connector}`);
    const stub = await VendorStub.start({
      ...{ dir: CONNECTORS, connector, credential: provider.credential, secret: secretOf(connector) },
    });
    stageConnector(CONNECTORS, connector, into, stub.origin);
    stubs.set(connector, stub);
  }
  return stubs;
}
