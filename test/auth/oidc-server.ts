import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { freePort } from '@keyward/embedded';
import { Provider, type Configuration } from 'oidc-provider';
import { createAdapter } from '../../apps/sandbox-provider/src/oauth/adapter.js';
import { openDatabase } from '../../apps/sandbox-provider/src/store/database.js';
import { OAuthRecords } from '../../apps/sandbox-provider/src/store/oauth-records.js';
import { AuthHarness } from './harness.js';

export const CLIENT = { id: 'keyward', secret: 'client-secret-of-the-tests-0123456789' };

export interface OidcPerson {
  sub: string;
  email?: string;
  email_verified?: boolean | string;
  preferred_username?: string;
}

/** A real OpenID provider that signs in whoever a test names, without asking; what it says can be changed before it is signed. */
export class OidcServer {
  /** Who signs in next; undefined declines. */
  person: OidcPerson | undefined;
  /** Of the next ID tokens. */
  tamper: (claims: JWTPayload) => JWTPayload = (claims) => claims;
  /** Signs with a key that is not published. */
  forgeSignature = false;
  codesRedeemed = 0;
  readonly #people = new Map<string, OidcPerson>();
  #keys: { published: CryptoKey; forged: CryptoKey } | undefined;

  private constructor(
    readonly issuer: string,
    private readonly server: Server,
  ) {}

  static async start(redirectUri: string): Promise<OidcServer> {
    const issuer = `http://127.0.0.1:${await freePort()}`;
    const server = createServer();
    const oidc = new OidcServer(issuer, server);
    await oidc.#listen(redirectUri);
    return oidc;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  async #listen(redirectUri: string): Promise<void> {
    const [published, forged] = await Promise.all([
      generateKeyPair('RS256', { extractable: true }),
      generateKeyPair('RS256', { extractable: true }),
    ]);
    this.#keys = { published: published.privateKey, forged: forged.privateKey };
    const jwk = { ...(await exportJWK(published.privateKey)), alg: 'RS256', use: 'sig', kid: 'published' };
    const provider = new Provider(this.issuer, this.#configuration(redirectUri, jwk));
    provider.use(async (ctx, next) => {
      if (ctx.path.startsWith('/interaction/')) return this.#interact(provider, ctx.req, ctx.res);
      await next();
      const body = ctx.body as { id_token?: string } | undefined;
      if (ctx.path !== '/token' || body?.id_token === undefined) return;
      this.codesRedeemed++;
      ctx.body = { ...body, id_token: await this.#resign(body.id_token) };
    });
    const handle = provider.callback();
    this.server.on('request', (request, response) => void handle(request, response));
    this.server.listen(Number(new URL(this.issuer).port), '127.0.0.1');
    await once(this.server, 'listening');
  }

  #configuration(redirectUri: string, jwk: object): Configuration {
    const claimsOf = (sub: string) => ({ ...this.#people.get(sub), sub });
    const records = new OAuthRecords(openDatabase(undefined));
    return {
      adapter: (kind) => createAdapter(kind, records),
      clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUri] }],
      jwks: { keys: [jwk] } as NonNullable<Configuration['jwks']>,
      cookies: { keys: ['cookie-key-of-the-tests'] },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'] },
      findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => claimsOf(sub) as never }),
      interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
      features: { devInteractions: { enabled: false } },
      pkce: { required: () => true },
      ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 600, IdToken: 60, Interaction: 60, Session: 600 },
    };
  }

  async #interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    const { person } = this;
    if (person === undefined) return provider.interactionFinished(request, response, { error: 'access_denied' });
    if (prompt.name === 'login') {
      this.#people.set(person.sub, person);
      return provider.interactionFinished(request, response, { login: { accountId: person.sub } });
    }
    const grant = new provider.Grant({ accountId: session?.accountId ?? '', clientId: String(params['client_id']) });
    grant.addOIDCScope(String(params['scope']));
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  }

  async #resign(token: string): Promise<string> {
    const claims = this.tamper(decodeJwt(token));
    const key = this.forgeSignature ? this.#keys?.forged : this.#keys?.published;
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'published' }).sign(key as CryptoKey);
  }
}

/** auth-service whose people sign in at such a provider. */
export async function startSignIn(env: Record<string, string> = {}): Promise<{ auth: AuthHarness; oidc: OidcServer }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const oidc = await OidcServer.start(`${url}/login/callback`);
  const auth = await AuthHarness.start({
    env: {
      KEYWARD_HTTP_PORT: String(port),
      KEYWARD_AUTH_PUBLIC_URL: url,
      KEYWARD_OIDC_ISSUER: oidc.issuer,
      KEYWARD_OIDC_CLIENT_ID: CLIENT.id,
      KEYWARD_OIDC_CLIENT_SECRET: CLIENT.secret,
      ...env,
    },
    privateOrigins: [oidc.issuer],
  });
  return { auth, oidc };
}
