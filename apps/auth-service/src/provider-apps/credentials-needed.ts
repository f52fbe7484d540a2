import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';

/** The parts of a registration that a client proves itself with. */
export interface ClientCredentials {
  clientSecret?: string | undefined;
  privateKey?: string | undefined;
  certificate?: string | undefined;
}

type Need = 'required' | 'optional' | 'none';
type Needs = Record<keyof ClientCredentials, Need>;

const NOTHING: Needs = { clientSecret: 'none', privateKey: 'none', certificate: 'none' };

function needsOf({ auth, client_certificate }: ProviderManifest): Needs {
  const needs = { ...NOTHING };
  if (auth.kind === 'mcp_oauth2') return { ...NOTHING, clientSecret: 'optional' };
  if ('token_endpoint_auth_method' in auth) {
    const method = auth.token_endpoint_auth_method;
    if (method === 'client_secret_basic' || method === 'client_secret_post') needs.clientSecret = 'required';
    const showsCertificate = method === 'tls_client_auth' || client_certificate;
    if (method === 'private_key_jwt' || showsCertificate) needs.privateKey = 'required';
    if (showsCertificate) needs.certificate = 'required';
  }
  if (auth.kind === 'oauth2_jwt_bearer' || auth.kind === 'app_installation') {
    // A shared secret signs too; which of the two it is, the manifest says.
    if (auth.assertion.key === 'pem') needs.privateKey = 'required';
    else needs.clientSecret = 'required';
  }
  // The webhook that carries the code is signed with it.
  if (auth.kind === 'oauth2_authorization_code' && auth.callback.webhook !== undefined) needs.clientSecret = 'required';
  if (auth.kind === 'app_installation' && needs.clientSecret === 'none') {
    // With it the code is redeemed that shows whose installation it is.
    needs.clientSecret = auth.user_authorization === undefined ? 'optional' : 'required';
  }
  return needs;
}

const WORDS = { clientSecret: 'a client secret', privateKey: 'a private key', certificate: 'a certificate' } as const;

/**
 * @throws KeywardError `invalid_request` where the registration lacks what the provider's clients have, has what they have not, or has a
 * certificate and a private key that are no pair
 */
export function requireCredentialsAsDeclared(manifest: ProviderManifest, given: ClientCredentials): void {
  const needs = needsOf(manifest);
  for (const name of ['clientSecret', 'privateKey', 'certificate'] as const) {
    const present = given[name] !== undefined;
    if (needs[name] === 'required' && !present) throw refuse(`/${name}`, `${manifest.title} needs ${WORDS[name]}`);
    if (needs[name] === 'none' && present) throw refuse(`/${name}`, `clients of ${manifest.title} have not ${WORDS[name]}`);
  }
  const { certificate, privateKey } = given;
  if (certificate !== undefined && privateKey !== undefined && !isPair(certificate, privateKey))
    throw refuse('/certificate', 'it is no certificate, or not that of the private key');
}

/** Else every request with them would fail, and only when it is made. Of a chain, the first is the registration's own. */
function isPair(certificate: string, privateKey: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}

export function refuse(pointer: string, detail: string): KeywardError {
  return new KeywardError('invalid_request', `The registration is not valid (${pointer}: ${detail}).`, {
    details: { errors: [{ pointer, detail }] },
  });
}
