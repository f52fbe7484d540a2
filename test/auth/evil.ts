import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { startHostileAuthorizationServer, type HostileAuthorizationServer } from '@keyward/testing/hostile-as';
import { Browser } from './browser.js';
import { AuthHarness, type Tenant } from './harness.js';

const CONNECTORS = fileURLToPath(new URL('../../connectors', import.meta.url));
export const CLIENT_SECRET = 'client-secret-canary-0123456789';

/** What a connector of the hostile server has besides an ordinary code flow. */
const VARIANTS: Record<string, { auth?: string; top?: string }> = {
  evil: {},
  evil_key: {},
  evil_basic: {},
  evil_jwt: {},
  evil_app: {},
  evil_mcp: {},
  evil_webhook: {
    auth: `  callback:
    webhook:
      code: /authorization/code
      correlation: { body: /installation, callback: code }
      signature: { header: x-signature }
`,
  },
  evil_parameters: {
    top: `connection_parameters:
  workspace: { title: Workspace, description: The part before the dot., example: acme, type: label }
  region: { title: Region, type: label, one_of: [eu, us], default: eu }
`,
  },
};

/** Authorization code flow with a private key, and a parameter of the registration. */
const keyManifest = (origin: string): string => `name: evil_key
title: Evil
app_parameters:
  tenant: { title: Tenant, type: label }
auth:
  kind: oauth2_client_credentials
  issuer: ${origin}
  token_endpoint: ${origin}/token
  token_endpoint_auth_method: private_key_jwt
  scopes: { default: ['notes:read'] }
base_url: ${origin}/\${app.tenant}
origins: ['${origin}']
`;

const mcpManifest = (origin: string): string => `name: evil_mcp
title: Evil
auth: { kind: mcp_oauth2, resource: '${origin}/mcp' }
base_url: ${origin}
origins: ['${origin}']
`;

/** Kinds whose whole grant is what a person enters, or an installation. */
const AUTH: Record<string, (origin: string) => string> = {
  evil_basic: () => `{ kind: basic, username_label: E-mail, password_label: API token }`,
  evil_jwt: () =>
    `{ kind: signed_jwt, label: Private key, assertion: { algorithm: ES256, header: { kid: '\${connection.key_id}' } }, key_id_separator: ':' }`,
  evil_app: (origin) =>
    `{ kind: app_installation, installation_url: '${origin}/install', token_endpoint: '${origin}/token', assertion: { algorithm: RS256 } }`,
};

function manifestOf(name: string, origin: string): string {
  const special = AUTH[name]?.(origin);
  if (special !== undefined) return `name: ${name}\ntitle: Evil\nauth: ${special}\nbase_url: ${origin}\norigins: ['${origin}']\n`;
  if (name === 'evil_key') return keyManifest(origin);
  if (name === 'evil_mcp') return mcpManifest(origin);
  const { auth = '', top = '' } = VARIANTS[name] ?? {};
  return `name: ${name}
title: Evil
auth:
  kind: oauth2_authorization_code
  issuer: ${origin}
  authorization_response_iss_parameter_supported: true
  authorization_endpoint: ${origin}/authorize
  token_endpoint: ${origin}/token
  token_endpoint_auth_method: client_secret_post
  scopes: { default: ['notes:read'] }
${auth}${top}base_url: ${origin}/api
origins: ['${origin}']
`;
}

export interface Victim extends Tenant {
  evil: { id: string; redirectUri: string };
}

/** auth-service, the honest sandbox, and a server that attacks whoever comes. */
export class EvilHarness {
  private constructor(
    readonly auth: AuthHarness,
    readonly evil: HostileAuthorizationServer,
    private readonly directory: string,
  ) {}

  static async start(): Promise<EvilHarness> {
    const evil = await startHostileAuthorizationServer();
    const directory = mkdtempSync(join(tmpdir(), 'keyward-evil-'));
    for (const name of readdirSync(CONNECTORS).filter((one) => one.startsWith('sandbox')))
      cpSync(join(CONNECTORS, name), join(directory, name), { recursive: true });
    for (const name of Object.keys(VARIANTS)) {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'connector.yaml'), manifestOf(name, evil.origin));
      writeFileSync(join(directory, name, 'tools.yaml'), '[]\n');
    }
    const env = { KEYWARD_CONNECTORS_DIR: directory };
    return new EvilHarness(await AuthHarness.start({ env, privateOrigins: [evil.origin] }), evil, directory);
  }

  async stop(): Promise<void> {
    await this.auth.stop();
    await this.evil.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** An organization with a registration at the hostile server, besides the one at the honest sandbox. */
  async victim(provider = 'evil'): Promise<Victim> {
    const tenant = await this.auth.tenant();
    const body = { organization: tenant.org, provider, clientId: 'evil-client', clientSecret: CLIENT_SECRET };
    const app = await this.auth.ask('/v1/provider-apps', { body });
    if (app.status !== 201) throw new Error(JSON.stringify(app.body));
    return { ...tenant, evil: { id: String(app.body['id']), redirectUri: String(app.body['redirectUri']) } };
  }

  /** Our page, Continue, and wherever the hostile server leads. */
  async attempt(tenant: Tenant, provider = 'evil'): Promise<{ browser: Browser; id: string; url: string }> {
    const { id, url } = await this.auth.session(tenant, { provider });
    const browser = new Browser();
    await browser.open(url);
    await browser.submit({ decision: 'continue' });
    return { browser, id, url };
  }

  async expectNothingStored({ org }: Tenant): Promise<void> {
    for (const table of ['vault.connection', 'vault.credential', 'vault.connection_authorization'])
      expect((await this.auth.database.query(`SELECT 1 FROM ${table} WHERE org_id = $1`, [org])).rows).toEqual([]);
  }
}
