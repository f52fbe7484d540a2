import { ClientSecretBasic, ClientSecretPost, genericTokenEndpointRequest, type ClientAuth } from 'oauth4webapi';
import { hasAuth, type ProviderManifest, type UserAuthorization } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { revokeAsDeclared } from '../declared-revocation.js';
import { clientOf, serverOf } from '../server.js';
import { tokenRequest, withDeadline } from '../token-request.js';
import type { TokenSet } from '../token-set.js';
import type { OAuthClient, Wire } from '../wire.js';
import { isListed } from './list-installations.js';

export interface InstallationProof {
  /** Resolved. */
  provider: ProviderManifest;
  client: OAuthClient;
  /** As the redirect back named it. */
  installationId: string | undefined;
  /** Of the same redirect. */
  code: string | undefined;
  /** From `createPkcePair`; sent unless the manifest says that the server does without. */
  codeVerifier: string;
  /** Told where the provider did not end the person's token at once: it then ends by itself. */
  onUnrevoked?: (error: unknown) => void;
}

/** A person waits: what is only tidying up does not keep them. */
const REVOCATION_TIMEOUT_MS = 5_000;

/**
 * That the person who came back may act for the installation they named: their code is redeemed, their installations are listed, and
 * the one named must be among them. The token serves for that alone, leaves this function nowhere and is revoked where the manifest
 * says how. Nothing is asked where the manifest declares no such thing.
 * @throws KeywardError `invalid_request` where the installation is not theirs; OAuthError
 */
export async function verifyInstallation(proof: InstallationProof, callerWire: Wire): Promise<void> {
  const { client, installationId, onUnrevoked } = proof;
  const person = hasAuth(proof.provider, 'app_installation') ? proof.provider.auth.user_authorization : undefined;
  if (person === undefined) return;
  // Of the connection, an answer about the person says nothing.
  const provider = { ...proof.provider, connection_parameters: {} };
  const wire = withDeadline(callerWire);
  const tokens = await redeem(provider, person, proof, wire);
  try {
    const { accessToken } = tokens;
    if (installationId === undefined || !(await isListed({ provider, person, client, accessToken, installationId }, wire)))
      throw new KeywardError('invalid_request', `The installation is none that this person has at ${provider.title}.`);
  } finally {
    await revoke(provider, person, client, tokens, callerWire).catch((thrown: unknown) => onUnrevoked?.(thrown));
  }
}

/** RFC 6749 section 4.1.3. The way to the installation names no redirect URI, and so neither does this. */
async function redeem(
  provider: ProviderManifest,
  person: UserAuthorization,
  { client, code, codeVerifier }: InstallationProof,
  wire: Wire,
): Promise<TokenSet> {
  if (code === undefined) throw new KeywardError('invalid_request', 'Nothing shows whose installation that is.');
  const { token_endpoint: endpoint, token_request: request, token_response: response } = person;
  const parameters = { code, ...(person.pkce === 'none' ? {} : { code_verifier: codeVerifier }) };
  const authentication = authenticationOf(provider, person, client);
  return tokenRequest({ provider, endpoint, request, response, values: { client } }, wire, (options) =>
    genericTokenEndpointRequest(
      serverOf(provider, endpoint),
      clientOf(client),
      authentication,
      'authorization_code',
      parameters,
      options,
    ),
  );
}

function authenticationOf({ title }: ProviderManifest, person: UserAuthorization, { clientSecret }: OAuthClient): ClientAuth {
  if (clientSecret === undefined)
    throw new KeywardError('invalid_request', `The registration at ${title} has no client secret, and that provider needs one.`);
  return person.token_endpoint_auth_method === 'client_secret_basic'
    ? ClientSecretBasic(clientSecret)
    : ClientSecretPost(clientSecret);
}

async function revoke(
  provider: ProviderManifest,
  { revocation }: UserAuthorization,
  client: OAuthClient,
  { accessToken, refreshToken }: TokenSet,
  wire: Wire,
): Promise<void> {
  if (revocation === undefined) return;
  const tokens = { client, accessToken, ...(refreshToken === undefined ? {} : { refreshToken }) };
  await revokeAsDeclared(provider, revocation, tokens, { ...wire, timeoutMs: REVOCATION_TIMEOUT_MS });
}
