import { importPKCS8 } from 'jose';
import {
  ClientSecretBasic,
  ClientSecretJwt,
  ClientSecretPost,
  modifyAssertion,
  None,
  PrivateKeyJwt,
  TlsClientAuth,
  type ClientAuth,
} from 'oauth4webapi';
import { KeywardError } from '@keyward/contracts';
import { readSigningKey } from './assertion/signing-key.js';
import { fillAll } from './request/fill.js';
import type { OAuthProvider } from './server.js';
import type { ClientTls, OAuthClient } from './wire.js';

/**
 * How the client shows at the token endpoint who it is (RFC 6749 section 2.3, RFC 7523 section 2.2, RFC 8705 section 2.1).
 * @throws KeywardError `invalid_request` where the registration lacks what that takes
 */
export async function authenticate(provider: OAuthProvider, client: OAuthClient): Promise<ClientAuth> {
  switch (provider.auth.token_endpoint_auth_method) {
    case 'none':
      return None();
    case 'client_secret_basic':
      return ClientSecretBasic(need(provider, client.clientSecret, 'client secret'));
    case 'client_secret_post':
      return ClientSecretPost(need(provider, client.clientSecret, 'client secret'));
    case 'private_key_jwt':
      return clientAssertion(provider, client);
    case 'tls_client_auth':
      return TlsClientAuth();
  }
}

/**
 * RFC 8705: what the handshake with the authorization server shows, as the way to authenticate (section 2) or beside any other, so that
 * tokens can be bound to the certificate that the API will see (section 3).
 */
export function clientTls(provider: OAuthProvider, client: OAuthClient): ClientTls | undefined {
  if (provider.auth.token_endpoint_auth_method !== 'tls_client_auth' && !provider.client_certificate) return undefined;
  return {
    certificate: need(provider, client.certificate, 'certificate'),
    privateKey: need(provider, client.privateKey, 'private key'),
  };
}

/**
 * RFC 7523 section 3. The audience is the issuer identifier alone (RFC 9700 as updated): an assertion made for one server is worth
 * nothing at another. A manifest may declare other claims where a provider wants them.
 */
async function clientAssertion(provider: OAuthProvider, client: OAuthClient): Promise<ClientAuth> {
  const { auth } = provider;
  const declared = auth.token_endpoint_client_assertion;
  const extra = fillAll(provider, declared.claims, { client });
  const header = fillAll(provider, declared.header, { client });
  if (auth.issuer === undefined && extra['aud'] === undefined) {
    throw new KeywardError(
      'invalid_request',
      `The manifest of ${provider.title} names no issuer, for which assertions are made.`,
    );
  }
  const algorithm = auth.token_endpoint_auth_signing_alg;
  const modify = (ownHeader: Record<string, unknown>, claims: Record<string, unknown>) => {
    // RFC 9864 names it Ed25519; what servers know it by is the older name.
    Object.assign(ownHeader, { alg: algorithm }, header);
    Object.assign(claims, extra);
  };
  if (algorithm === 'HS256') {
    return ClientSecretJwt(need(provider, client.clientSecret, 'client secret'), { [modifyAssertion]: modify });
  }
  const { key } = readSigningKey({ algorithm, key: 'pem' }, need(provider, client.privateKey, 'private key'));
  const pkcs8 = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return PrivateKeyJwt(await importPKCS8(pkcs8, algorithm), { [modifyAssertion]: modify });
}

function need(provider: OAuthProvider, value: string | undefined, what: string): string {
  if (value !== undefined) return value;
  throw new KeywardError('invalid_request', `The registration at ${provider.title} has no ${what}, and that provider needs one.`);
}
