import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider, type Configuration, type JWK, type KoaContextWithOIDC } from 'oidc-provider';
import { renderErrorPage } from '../pages/error-page.js';
import { PAGE_HEADERS } from '../pages/layout.js';
import { keptSetting } from '../store/database.js';
import type { OAuthRecords } from '../store/oauth-records.js';
import type { Accounts } from './accounts.js';
import { createAdapter } from './adapter.js';
import type { Counters } from './counters.js';
import type { Faults } from './faults.js';
import { features } from './features.js';
import { API_SCOPES } from './scopes.js';
import { registerTokenExchange } from './token-exchange.js';

const DAY = 86_400;

/** Client metadata of our own: false makes a client's refresh tokens last instead of rotating, as many real providers' do. */
const ROTATES = 'rotate_refresh_tokens';
/** And: the vendor that a client is registered at; left out, the notes. */
export const VENDOR = 'vendor';

/** How oidc-provider, and the adapter for two requests at once, say that a token or code came a second time. */
const ALREADY_USED = /already (used|consumed)$/;

export interface ProviderParts {
  issuer: string;
  accessTokenTtlSeconds: number;
  database: DatabaseSync;
  records: OAuthRecords;
  accounts: Accounts;
  counters: Counters;
  faults: Faults;
  /** Of the vendors that are emulated. */
  vendorScopes: readonly string[];
}

export async function createProvider(parts: ProviderParts): Promise<Provider> {
  const { database, counters, faults } = parts;
  const signingKey: JWK = JSON.parse(await keptSetting(database, 'signing_key', newSigningKey));
  const cookieKey = await keptSetting(database, 'cookie_key', async () => randomBytes(32).toString('base64url'));
  const provider = new Provider(parts.issuer, configuration(parts, signingKey, cookieKey));
  registerTokenExchange(provider);

  provider.use(async (ctx, next) => {
    const at = ctx.method === 'POST' ? ctx.path : undefined;
    if (at === '/token') {
      counters.tokenRequests++;
      await faults.serve(ctx as KoaContextWithOIDC, 'token', next);
      counters.tokenAnswers++;
    } else if (at === '/token/revocation') {
      await faults.serve(ctx as KoaContextWithOIDC, 'revocation', next);
      if (ctx.status === 200) counters.revocations++;
    } else {
      await next();
    }
  });
  provider.on('grant.success', (ctx) => {
    const grantType = ctx.oidc.params?.['grant_type'];
    if (grantType === 'refresh_token') counters.refreshes++;
    if (grantType === 'authorization_code') counters.codesRedeemed++;
  });
  provider.on('server_error', (ctx, error) => {
    process.stderr.write(`${JSON.stringify({ level: 'error', path: ctx.path, message: error.message })}\n`);
  });
  provider.on('grant.error', (_ctx, error) => {
    if (error.error === 'invalid_grant' && ALREADY_USED.test(error.error_detail ?? '')) counters.reuseDetections++;
  });
  return provider;
}

function configuration(parts: ProviderParts, signingKey: JWK, cookieKey: string): Configuration {
  const { records, accounts } = parts;
  const cookie = { signed: true, httpOnly: true, sameSite: 'lax' } as const;
  return {
    adapter: (kind) => createAdapter(kind, records),
    jwks: { keys: [signingKey] },
    cookies: {
      keys: [cookieKey],
      // Cookies know no ports: other services on this host see them too, so the names must not collide.
      names: { session: 'sandbox_session', interaction: 'sandbox_interaction', resume: 'sandbox_resume' },
      long: cookie,
      short: cookie,
    },
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256',
    },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    extraClientMetadata: { properties: [ROTATES, VENDOR] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], userinfoSigningAlgValues: ['ES256'] },
    responseTypes: ['code'],
    scopes: [...Object.keys(API_SCOPES), ...parts.vendorScopes, 'openid', 'offline_access'],
    claims: { openid: ['sub', 'name'] },
    findAccount: accounts.find,
    // oidc-provider's own fetch refuses private addresses. Whoever uses a sandbox is on this machine, the document about it included.
    fetch: unguardedFetch,
    pkce: { required: () => true },
    features: features(parts.issuer),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    // Every consent starts a grant of its own; with one grant for all, ending one connection would end its siblings.
    loadExistingGrant: (ctx) => {
      const granted = ctx.oidc.result?.consent?.grantId;
      return granted === undefined ? undefined : ctx.oidc.provider.Grant.find(granted);
    },
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    rotateRefreshToken: (ctx) => ctx.oidc.client?.[ROTATES] !== false,
    // RFC 7009 section 2.1: revoking a refresh token ends its access tokens; here either of the two ends the grant.
    revokeGrantPolicy: () => true,
    ttl: {
      AccessToken: parts.accessTokenTtlSeconds,
      AuthorizationCode: 60,
      Grant: 365 * DAY,
      ClientCredentials: parts.accessTokenTtlSeconds,
      DeviceCode: 600,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 30 * DAY,
      Session: DAY,
    },
    renderError: (ctx, out) => {
      for (const [name, value] of Object.entries(PAGE_HEADERS)) ctx.set(name, value);
      ctx.type = 'html';
      ctx.body = renderErrorPage(out.error, out.error_description);
    },
  };
}

async function newSigningKey(): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return JSON.stringify({ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' });
}

/** The guard is a dispatcher that comes with the request. */
function unguardedFetch(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const { method = 'GET', headers = {}, redirect = 'manual', signal = null } = init;
  return fetch(url, { method, headers, redirect, signal });
}
