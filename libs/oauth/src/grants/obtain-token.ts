import { hasAuth, type ProviderManifest, type ProviderWith } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { signAssertion, type AssertionMaterial } from '../assertion/sign-assertion.js';
import type { TokenSet } from '../token-set.js';
import type { OAuthClient, Wire } from '../wire.js';
import { installationToken, tokenGrant } from './token-grant.js';

export interface ObtainTokenRequest {
  /** Resolved. */
  provider: ProviderManifest;
  client: OAuthClient;
  scopes: readonly string[];
  /** What the person or the caller handed in: the subject token of a token exchange, the private key of a signed JWT. */
  secret?: string;
}

/**
 * A token by a grant that needs nobody at a browser: client credentials, JWT bearer, token exchange, app installation, signed JWT.
 * Called again for the next token.
 * @throws OAuthError; KeywardError `invalid_request` where a key or the secret is missing or unusable
 */
export async function obtainToken(request: ObtainTokenRequest, wire: Wire): Promise<TokenSet> {
  const { provider, client, scopes, secret } = request;
  if (hasAuth(provider, 'oauth2_client_credentials')) {
    return tokenGrant({ provider, client, scopes, grantType: 'client_credentials', parameters: {} }, wire);
  }
  if (hasAuth(provider, 'oauth2_jwt_bearer')) {
    const { assertion, assertion_scope_claim: scopeClaim } = provider.auth;
    const { jwt } = await signAssertion(assertion, appMaterial(provider, client, wire, scopes));
    const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    const asked = scopeClaim === undefined ? scopes : [];
    return tokenGrant({ provider, client, scopes: asked, grantType, parameters: { assertion: jwt } }, wire);
  }
  if (hasAuth(provider, 'oauth2_token_exchange')) {
    const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
    return tokenGrant({ provider, client, scopes, grantType, parameters: exchangeParameters(provider, secret) }, wire);
  }
  if (hasAuth(provider, 'app_installation')) {
    const { jwt } = await signAssertion(provider.auth.assertion, appMaterial(provider, client, wire));
    return installationToken({ provider, client, scopes, jwt }, wire);
  }
  if (hasAuth(provider, 'signed_jwt')) return signedJwt(provider, secret, wire);
  throw new KeywardError('invalid_request', `${provider.title} is connected by a person in a browser.`);
}

/** RFC 8693 section 2.1. */
function exchangeParameters({ auth, title }: ProviderWith<'oauth2_token_exchange'>, secret: string | undefined) {
  if (secret === undefined || secret === '') throw new KeywardError('invalid_request', `${title} needs a token to exchange.`);
  return {
    subject_token: secret,
    subject_token_type: auth.subject_token_type,
    ...(auth.requested_token_type === undefined ? {} : { requested_token_type: auth.requested_token_type }),
    ...(auth.audience === undefined ? {} : { audience: auth.audience }),
  };
}

/**
 * What the app's key signs. RFC 7523 section 3 demands iss, sub and aud: the client speaks for itself, to the server it asks, unless
 * the manifest says otherwise.
 */
function appMaterial(
  provider: ProviderWith<'oauth2_jwt_bearer' | 'app_installation'>,
  client: OAuthClient,
  wire: Wire,
  scopes: readonly string[] = [],
): AssertionMaterial {
  const { auth, title } = provider;
  const key = client.privateKey ?? (auth.assertion.key === 'pem' ? undefined : client.clientSecret);
  if (key === undefined)
    throw new KeywardError('invalid_request', `The registration at ${title} has no private key, and that provider needs one.`);
  const claims: Record<string, string> = { iss: client.clientId };
  if (auth.kind === 'oauth2_jwt_bearer') {
    Object.assign(claims, { sub: client.clientId, aud: auth.issuer ?? auth.token_endpoint });
    if (auth.assertion_scope_claim !== undefined && scopes.length > 0)
      claims[auth.assertion_scope_claim] = scopes.join(auth.scopes.separator);
    for (const name of auth.assertion_omit) Reflect.deleteProperty(claims, name);
  }
  return { key, claims, references: { 'client.id': client.clientId }, now: wire.now };
}

/** The JWT itself is what the API takes; nothing is asked of anybody. */
async function signedJwt({ auth, title }: ProviderWith<'signed_jwt'>, secret: string | undefined, wire: Wire): Promise<TokenSet> {
  if (secret === undefined || secret === '') throw new KeywardError('invalid_request', `${title} needs a private key.`);
  const { keyId, key } = splitKey(auth.key_id_separator, secret, title);
  const captured: Record<string, string> = keyId === undefined ? {} : { key_id: keyId };
  const references = keyId === undefined ? {} : { 'connection.key_id': keyId };
  const { jwt, lifetimeMs } = await signAssertion(auth.assertion, { key, references, now: wire.now });
  return { accessToken: jwt, lifetimeMs, scopes: null, captured };
}

/** `<key id><separator><key>` where the manifest has a separator. */
function splitKey(separator: string | undefined, secret: string, title: string): { keyId: string | undefined; key: string } {
  if (separator === undefined || separator === '') return { keyId: undefined, key: secret };
  const at = secret.indexOf(separator);
  const keyId = secret.slice(0, at);
  if (at < 1 || !/^[A-Za-z0-9_.~-]{1,200}$/.test(keyId)) {
    throw new KeywardError('invalid_request', `The key of ${title} must be <key id>${separator}<key>.`);
  }
  return { keyId, key: secret.slice(at + 1) };
}
