import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, type RefreshReply, type RefreshRequest } from '@keyward/contracts';
import { clientSecretContext } from '@keyward/credentials';
import { withOrg } from '@keyward/postgres';
import { createCredentialStore } from '@keyward/postgres-vault';
import { dedicatedPostgres, type DedicatedPostgres } from '@keyward/testing';
import { World, type WorldOptions } from '../../apps/token-refresher/test/world.js';
import { behaviours, manifestOf, type Behaviour } from './behaviours.js';
import { LenientProvider } from './lenient-provider.js';

const CLIENT_SECRET = 'client-secret-of-the-fault-tests';

export interface FaultConnection {
  org: string;
  connection: string;
  behaviour: Behaviour;
  /** The provider's name of what the person agreed to last. */
  grant: string;
  /** The generation that was stored when the person agreed. */
  authorizedAt: number;
  /** As they were issued then. */
  tokens: { access_token: string; refresh_token: string };
}

export interface Times {
  /** Milliseconds from now. Default 60,000. */
  expiresInMs?: number;
  /** Milliseconds from now; null: only who asks gets a refresh. Default 0: at once. */
  refreshInMs?: number | null;
}

/** The refreshers' world, with the four kinds of providers: a real database, bus, KMS and authorization servers. */
export class FaultWorld {
  readonly #apps = new Map<Behaviour, string>();
  readonly #clients = { rotating: newClient(), lasting: newClient() };

  private constructor(
    readonly world: World,
    readonly database: DedicatedPostgres,
    readonly lenient: LenientProvider,
    readonly connectors: string,
  ) {}

  static async create(options: WorldOptions = {}): Promise<FaultWorld> {
    const database = await dedicatedPostgres();
    const world = await World.create(database, options);
    const directory = await mkdtemp(join(tmpdir(), 'connectors-'));
    world.closes(() => rm(directory, { recursive: true }));
    for (const behaviour of behaviours) {
      await mkdir(join(directory, behaviour));
      await writeFile(join(directory, behaviour, 'connector.yaml'), manifestOf(behaviour));
    }
    const client = newClient();
    const lenient = await LenientProvider.start({ id: client, secret: CLIENT_SECRET });
    world.closes(() => lenient.stop());
    const faultWorld = new FaultWorld(world, database, lenient, directory);
    await faultWorld.#register(client);
    return faultWorld;
  }

  /** Where the server behind a kind of provider listens. */
  providerUrl(behaviour: Behaviour): string {
    return behaviour === 'lenient' ? this.lenient.url : this.world.sandbox.url;
  }

  /** An active connection in generation 1. */
  async connect(behaviour: Behaviour, times: Times = {}): Promise<FaultConnection> {
    const { org, agent, admin } = this.world;
    const connection = newId('conn');
    await admin.query(
      `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, alias, provider_app_id, scopes, status)
       VALUES ($1, $2, 'usr_ada', $3, $4, $5, $6, '{notes:read,notes:write}', 'pending')`,
      [connection, org, behaviour, agent, connection.slice(-20), this.#apps.get(behaviour)],
    );
    const tokens = { access_token: '', refresh_token: '' };
    const connected: FaultConnection = { org, connection, behaviour, grant: '', authorizedAt: 0, tokens };
    await this.authorize(connected, times);
    return connected;
  }

  /** What auth-service does when the person has agreed, the first time or again. Repeated while a refresh is quicker, as there. */
  async authorize(connection: FaultConnection, { expiresInMs = 60_000, refreshInMs = 0 }: Times = {}): Promise<void> {
    const { credentials, authSource } = this.world;
    const store = createCredentialStore(authSource);
    const issued = await this.#issue(connection.behaviour);
    const { org, connection: id } = connection;
    for (let stored = false; !stored;) {
      const generation = (await store.currentGeneration(org, id)) + 1;
      const { access_token: accessToken, refresh_token: refreshToken } = issued;
      const sealed = await credentials.sealTokens({ org, connection: id, generation, accessToken, refreshToken });
      const times = { accessExpiresInMs: expiresInMs, refreshInMs, awakeRefreshInMs: refreshInMs, refreshExpiresInMs: null };
      const authorized = { org, connection: id, generation, scopes: ['notes:read', 'notes:write'], renewable: true };
      stored = Boolean(await withOrg(authSource, org, (em) => store.storeAuthorized(em, { ...authorized, ...sealed, ...times })));
      Object.assign(connection, { grant: issued.grant, tokens: issued, authorizedAt: generation });
    }
  }

  ask({ org, connection, behaviour }: FaultConnection, request: Partial<RefreshRequest> = {}): Promise<RefreshReply> {
    return this.world.ask({ org, connection }, request, behaviour);
  }

  /** How often the provider has rotated the refresh token of a grant; undefined where the grant is no more, or nothing rotates. */
  async rotations(of: FaultConnection): Promise<number | undefined> {
    if (of.behaviour === 'lenient') return this.lenient.rotations(of.grant);
    const { grants } = await this.world.sandbox.state();
    return grants.find(({ grant }) => grant === of.grant)?.rotations;
  }

  /** Tokens that came a second time, at any of the providers, since they started. */
  async reuseDetections(): Promise<number> {
    return this.lenient.reuseDetections + (await this.world.sandbox.state()).counters.reuseDetections;
  }

  async takesAccessToken({ behaviour }: FaultConnection, token: string): Promise<boolean> {
    return behaviour === 'lenient' ? this.lenient.takes(token) : (await this.world.sandbox.whoIs(token)) === 'ada';
  }

  /** Whether a refresh token is the one that the provider would redeem (RFC 7662). */
  async isCurrent({ behaviour }: FaultConnection, refreshToken: string): Promise<boolean> {
    if (behaviour === 'lenient') return this.lenient.isCurrent(refreshToken);
    const client = behaviour === 'lasting' ? this.#clients.lasting : this.#clients.rotating;
    const response = await fetch(`${this.world.sandbox.url}/token/introspection`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${client}:${CLIENT_SECRET}`).toString('base64')}` },
      body: new URLSearchParams({ token: refreshToken, token_type_hint: 'refresh_token' }),
    });
    return ((await response.json()) as { active: boolean }).active;
  }

  async close(): Promise<void> {
    await this.world.close();
  }

  async #issue(behaviour: Behaviour): Promise<FaultConnection['tokens'] & { grant: string }> {
    if (behaviour === 'lenient') return this.lenient.issue();
    const client_id = behaviour === 'lasting' ? this.#clients.lasting : this.#clients.rotating;
    const order = { client_id, user: 'ada' };
    const { tokens } = await this.world.sandbox.manage<{
      tokens: [{ grant: string; access_token: string; refresh_token: string }];
    }>('tokens/issue', order);
    return tokens[0];
  }

  async #register(lenientClient: string): Promise<void> {
    const { sandbox, credentials, admin, org } = this.world;
    for (const [kind, client_id] of Object.entries(this.#clients)) {
      await sandbox.manage('clients', {
        ...{ client_id, client_secret: CLIENT_SECRET, rotate_refresh_tokens: kind === 'rotating' },
        redirect_uris: ['https://keyward.example/oauth/callback'],
      });
    }
    for (const behaviour of behaviours) {
      const id = newId('app');
      const client = { lasting: this.#clients.lasting, lenient: lenientClient }[String(behaviour)] ?? this.#clients.rotating;
      const secret = await credentials.sealSecret(clientSecretContext({ org, id, generation: 1 }), CLIENT_SECRET);
      await admin.query(
        `INSERT INTO vault.provider_app (id, org_id, provider, client_id, sealed_secret, callback_context) VALUES ($1, $2, $3, $4, $5, $1)`,
        [id, org, behaviour, client, secret],
      );
      this.#apps.set(behaviour, id);
    }
  }
}

function newClient(): string {
  return `client-${randomBytes(6).toString('hex')}`;
}
