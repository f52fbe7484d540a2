import { ClientSecretBasic, customFetch } from 'oauth4webapi';
import { hasAuth, type ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { signAssertion } from './assertion/sign-assertion.js';
import { classifyThrown } from './classify.js';
import { OAuthError } from './errors.js';
import { readRevocationAnswer } from './read-answer.js';
import type { LateValues } from './request/fill.js';
import { STANDARD_REQUEST } from './request/shape-request.js';
import { clientOf, serverOf } from './server.js';
import { requestOptions } from './token-request.js';
import type { OAuthClient, Wire } from './wire.js';

type Revocation = NonNullable<ProviderManifest['revocation']>;

export interface DeclaredRevocation {
  client: OAuthClient;
  accessToken?: string;
  refreshToken?: string;
}

/**
 * Revocation that is not RFC 7009: one request, as the manifest describes it.
 * @throws OAuthError for every status that is not declared as a success; KeywardError `invalid_request` where something needed is missing
 */
export async function revokeAsDeclared(
  provider: ProviderManifest,
  revocation: Revocation,
  { client, accessToken, refreshToken }: DeclaredRevocation,
  wire: Wire,
): Promise<void> {
  const values: LateValues = { client, accessToken, refreshToken };
  const { method, endpoint } = revocation;
  const headers = await authenticationHeaders(provider, revocation, values, wire);
  const request = { ...STANDARD_REQUEST, ...revocation.request };
  const options = requestOptions({ provider, endpoint, request, method, values }, wire);
  try {
    const send = options[customFetch] ?? fetch;
    const response = await send(endpoint, { method: 'POST', body: new URLSearchParams(), headers, redirect: 'manual' });
    await readRevocationAnswer(provider, response, revocation.success);
  } catch (thrown) {
    throw thrown instanceof OAuthError ? thrown : classifyThrown(provider, thrown);
  }
}

async function authenticationHeaders(
  provider: ProviderManifest,
  { authentication, token }: Revocation,
  values: LateValues,
  wire: Wire,
): Promise<Record<string, string>> {
  const headers = new Headers({ accept: 'application/json' });
  const { client } = values;
  switch (authentication) {
    case 'none':
      break;
    case 'client_secret_basic': {
      const basic = ClientSecretBasic(need(provider, client.clientSecret, 'client secret'));
      await basic(serverOf(provider), clientOf(client), new URLSearchParams(), headers);
      break;
    }
    case 'basic': {
      const pair = `${client.clientId}:${need(provider, client.clientSecret, 'client secret')}`;
      headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
      break;
    }
    case 'bearer': {
      const bearer = token === 'access_token' ? values.accessToken : values.refreshToken;
      headers.set('authorization', `Bearer ${need(provider, bearer, 'token')}`);
      break;
    }
    case 'app_assertion':
      headers.set('authorization', `Bearer ${await appAssertion(provider, client, wire)}`);
  }
  return Object.fromEntries(headers);
}

/** Asked in the name of the app itself, not of the grant that ends. */
async function appAssertion(provider: ProviderManifest, client: OAuthClient, wire: Wire): Promise<string> {
  if (!hasAuth(provider, 'app_installation', 'oauth2_jwt_bearer')) {
    throw new KeywardError('invalid_request', `The manifest of ${provider.title} declares no assertion.`);
  }
  const { assertion } = provider.auth;
  const secret = assertion.key === 'pem' ? client.privateKey : (client.privateKey ?? client.clientSecret);
  const { jwt } = await signAssertion(assertion, {
    key: need(provider, secret, 'private key'),
    claims: { iss: client.clientId },
    references: { 'client.id': client.clientId },
    now: wire.now,
  });
  return jwt;
}

function need(provider: ProviderManifest, value: string | undefined, what: string): string {
  if (value !== undefined) return value;
  throw new KeywardError('invalid_request', `Revocation at ${provider.title} needs a ${what}, and there is none.`);
}
