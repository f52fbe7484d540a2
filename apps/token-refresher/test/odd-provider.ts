import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@keyward/contracts';
import { clientSecretContext } from '@keyward/credentials';
import { withOrg } from '@keyward/postgres';
import { HostileServer } from '@keyward/testing/hostile-server';
import type { World } from './world.js';

export const CLIENT = { id: 'oddclient', secret: 'oddsecret' };

export interface TokenQuestion {
  method: string;
  path: string;
  /** Of the body where there is one, else of the query. */
  parameters: Record<string, string>;
  authorization: string | undefined;
}

/** What the server answers: a status with a JSON body, or nothing at all. */
export type Answer = { status?: number; body: object } | 'break off';

/** A token endpoint that answers as the test says, for a provider that is declared as the test says. */
export class OddProvider {
  readonly questions: TokenQuestion[] = [];
  answer: (question: TokenQuestion) => Answer = () => ({ body: {} });

  private constructor(
    readonly name: string,
    readonly server: HostileServer,
    private readonly world: World,
  ) {}

  static async start(world: World, name: string): Promise<OddProvider> {
    const server = await HostileServer.start();
    const odd = new OddProvider(name, server, world);
    server.answer = (request, response, body) => {
      const url = new URL(request.url ?? '', server.origin);
      const question = {
        method: request.method ?? '',
        path: url.pathname,
        parameters: Object.fromEntries(body === '' ? url.searchParams : new URLSearchParams(body)),
        authorization: request.headers.authorization,
      };
      odd.questions.push(question);
      const answer = odd.answer(question);
      if (answer === 'break off') return void request.socket.destroy();
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    };
    world.closes(server.stop);
    return odd;
  }

  /** connector.yaml, with what is given besides its places. */
  manifest(declared: string): string {
    const { origin } = this.server;
    return `name: ${this.name}\ntitle: Odd\nbase_url: ${origin}/api\norigins: ['${origin}']\n${declared.replaceAll('URL', origin)}\n`;
  }

  /** An active connection in generation 1. */
  async connect(held: {
    accessToken?: string;
    material?: string;
    registered?: boolean;
    parameters?: Record<string, string>;
    scopes?: string[];
    requestedScopes?: string[];
    refreshInMs?: number;
  }): Promise<{ org: string; connection: string }> {
    const {
      accessToken = 'access-1',
      material,
      registered = true,
      parameters = {},
      scopes = [],
      requestedScopes = scopes,
    } = held;
    const { admin, credentials, store, authSource, org, agent } = this.world;
    const connection = newId('conn');
    const app = registered ? await this.register() : null;
    await admin.query(
      `INSERT INTO vault.connection (id, org_id, user_id, provider, agent_id, alias, provider_app_id, status) VALUES ($1, $2, 'usr_ada', $3, $4, $5, $6, 'pending')`,
      [connection, org, this.name, agent, connection.slice(-20), app],
    );
    await admin.query(
      `INSERT INTO vault.connection_authorization (id, org_id, connection_id, generation, requested_scopes, scopes, authorized_by_kind, authorized_by_id)
       VALUES ($1, $2, $3, 1, $4, $5, 'user', 'usr_ada')`,
      [newId('auz'), org, connection, requestedScopes, scopes],
    );
    const sealed = await credentials.sealTokens({ org, connection, generation: 1, accessToken, refreshToken: material });
    const { refreshInMs = null } = held;
    const ends = { accessExpiresInMs: 60_000, refreshInMs, awakeRefreshInMs: refreshInMs, refreshExpiresInMs: null };
    await withOrg(authSource, org, (em) =>
      store.storeAuthorized(em, { org, connection, generation: 1, scopes, parameters, renewable: true, ...sealed, ...ends }),
    );
    return { org, connection };
  }

  private async register(): Promise<string> {
    const { admin, credentials, org } = this.world;
    const { rows } = await admin.query<{ id: string }>('SELECT id FROM vault.provider_app WHERE org_id = $1 AND provider = $2', [
      org,
      this.name,
    ]);
    if (rows[0] !== undefined) return rows[0].id;
    const id = newId('app');
    const secret = await credentials.sealSecret(clientSecretContext({ org, id, generation: 1 }), CLIENT.secret);
    await admin.query(
      'INSERT INTO vault.provider_app (id, org_id, provider, client_id, sealed_secret, callback_context) VALUES ($1, $2, $3, $4, $5, $1)',
      [id, org, this.name, CLIENT.id, secret],
    );
    return id;
  }
}

/** What a refresher needs in its environment so that it knows these providers and no others. */
export async function environmentOf(world: World, manifests: readonly [OddProvider, string][]): Promise<Record<string, string>> {
  const directory = await mkdtemp(join(tmpdir(), 'connectors-'));
  world.closes(() => rm(directory, { recursive: true }));
  for (const [odd, declared] of manifests) {
    await mkdir(join(directory, odd.name));
    await writeFile(join(directory, odd.name, 'connector.yaml'), odd.manifest(declared));
  }
  return {
    KEYWARD_CONNECTORS_DIR: directory,
    KEYWARD_CONNECTOR_VARIABLES: '{}',
    KEYWARD_EGRESS_PRIVATE_ORIGINS: manifests.map(([odd]) => odd.server.origin).join(','),
  };
}
