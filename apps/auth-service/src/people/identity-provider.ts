import { KeywardError } from '@keyward/contracts';
import { EgressError, type Egress } from '@keyward/egress';
import * as oauth from 'oauth4webapi';
import type { OidcConfig } from './oidc-config.js';
import { personOf } from './person-claims.js';
import type { Person } from './session-store.js';
import type { PendingSignIn } from './sign-in-cookie.js';

/** How long metadata is good for: endpoints move rarely, and a provider that is down must not be asked for every click. */
const METADATA_MS = 600_000;

export type Transaction = Pick<PendingSignIn, 'state' | 'nonce' | 'verifier'>;

/** The OpenID provider of this deployment: code flow with PKCE S256, state, nonce and issuer check (OpenID Connect Core 1.0 section 3.1). */
export class IdentityProvider {
  readonly #client: oauth.Client;
  readonly #insecure: boolean;
  #found: { server: Promise<oauth.AuthorizationServer>; until: number } | undefined;

  constructor(
    private readonly config: OidcConfig,
    private readonly redirectUri: string,
    private readonly egress: Egress,
  ) {
    this.#client = { client_id: config.clientId };
    // Only where the issuer itself is on this machine: the configuration admits http nowhere else.
    this.#insecure = config.issuer.startsWith('http:');
  }

  /** @throws KeywardError `dependency_unavailable` */
  async begin(): Promise<Transaction & { url: string }> {
    const { authorization_endpoint: endpoint = '' } = await this.#server();
    const [state, nonce, verifier] = [
      oauth.generateRandomState(),
      oauth.generateRandomNonce(),
      oauth.generateRandomCodeVerifier(),
    ];
    const url = URL.parse(endpoint);
    if (url === null || (url.protocol !== 'https:' && !this.#insecure)) throw unavailable(new Error('no authorization endpoint'));
    const parameters = {
      response_type: 'code',
      client_id: this.config.clientId,
      redirect_uri: this.redirectUri,
      scope: this.config.scopes.join(' '),
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return { url: url.href, state, nonce, verifier };
  }

  /** @throws KeywardError `forbidden` (the person or the provider said no), `invalid_request`, `dependency_unavailable` */
  async finish(query: URLSearchParams, transaction: Transaction): Promise<Person> {
    const server = await this.#server();
    try {
      return await this.#redeem(server, query, transaction);
    } catch (thrown) {
      throw asSignInError(thrown);
    }
  }

  async #redeem(
    server: oauth.AuthorizationServer,
    query: URLSearchParams,
    { state, nonce, verifier }: Transaction,
  ): Promise<Person> {
    // RFC 9207 section 2.4 and RFC 9700 section 4.4: the answer is of this issuer and of this browser's question.
    const parameters = oauth.validateAuthResponse(server, this.#client, query, state);
    const redeem = [server, this.#client, this.#authentication(server), parameters, this.redirectUri, verifier] as const;
    const response = await oauth.authorizationCodeGrantRequest(...redeem, this.#at(server.token_endpoint));
    const expectations = { expectedNonce: nonce, requireIdToken: true };
    const tokens = await oauth.processAuthorizationCodeResponse(server, this.#client, response, expectations);
    await oauth.validateApplicationLevelSignature(server, response, this.#at(server.jwks_uri));
    // Asked for above with `requireIdToken`, so that it is there.
    const claims = oauth.getValidatedIdTokenClaims(tokens) ?? {};
    const person = personOf(claims, claims);
    if ('email' in claims || server.userinfo_endpoint === undefined) return person;
    // Many providers put the address there only (OpenID Connect Core 1.0 section 5.4). The subject must be the same (section 5.3.2).
    const info = await oauth.userInfoRequest(server, this.#client, tokens.access_token, this.#at(server.userinfo_endpoint));
    return personOf(claims, await oauth.processUserInfoResponse(server, this.#client, person.subject, info));
  }

  #server(): Promise<oauth.AuthorizationServer> {
    if (this.#found !== undefined && this.#found.until > Date.now()) return this.#found.server;
    const found = { server: this.#discover(), until: Date.now() + METADATA_MS };
    this.#found = found;
    found.server.catch(() => {
      if (this.#found === found) this.#found = undefined;
    });
    return found.server;
  }

  async #discover(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(this.config.issuer);
    try {
      // OpenID Connect Discovery 1.0 section 4.3: what is found must name the very issuer that was asked.
      return await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, this.#at(this.config.issuer)));
    } catch (thrown) {
      throw unavailable(thrown);
    }
  }

  #authentication({ token_endpoint_auth_methods_supported: methods }: oauth.AuthorizationServer): oauth.ClientAuth {
    // OpenID Connect Discovery 1.0 section 3: without a list it is client_secret_basic.
    const basic = methods === undefined || methods.includes('client_secret_basic');
    return basic ? oauth.ClientSecretBasic(this.config.clientSecret) : oauth.ClientSecretPost(this.config.clientSecret);
  }

  #at(endpoint = '') {
    const origins = URL.canParse(endpoint) ? [new URL(endpoint).origin] : [];
    return {
      [oauth.customFetch]: this.egress.fetchFor({ provider: 'sign-in', origins }),
      [oauth.allowInsecureRequests]: this.#insecure,
    };
  }
}

function asSignInError(thrown: unknown): KeywardError {
  if (thrown instanceof KeywardError && !(thrown instanceof EgressError)) return thrown;
  if (thrown instanceof oauth.AuthorizationResponseError && thrown.error === 'access_denied')
    return new KeywardError('forbidden', 'The identity provider did not let you in.', { cause: thrown });
  const refused =
    thrown instanceof oauth.AuthorizationResponseError ||
    thrown instanceof oauth.OperationProcessingError ||
    (thrown instanceof oauth.ResponseBodyError && thrown.status < 500);
  if (refused) return new KeywardError('invalid_request', 'The answer of the identity provider is not valid.', { cause: thrown });
  return unavailable(thrown);
}

function unavailable(cause: unknown): KeywardError {
  return new KeywardError('dependency_unavailable', 'The identity provider does not answer properly at the moment.', { cause });
}
