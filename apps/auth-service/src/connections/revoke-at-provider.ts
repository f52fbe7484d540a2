import { authorizationServerOrigins, type ProviderManifest } from '@keyward/connectors';
import { asKeywardError } from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import { canRevoke, OAuthError, revokeToken, withClient, type OAuthClient } from '@keyward/oauth';
import type { CredentialEntity, ProviderAppEntity } from '@keyward/postgres';
import type { HeldCredential } from './held-credential.js';

export interface RevokeAtProviderOptions {
  credentials: Credentials;
  egress: Egress;
}

/** How it ended: with a receipt, or with nothing left to try. */
export type Receipt = 'confirmed' | 'not_supported' | 'refused';

/** Where revoking needs no registration. */
const NO_CLIENT: OAuthClient = { clientId: '' };

/**
 * Revokes both tokens at the provider, by RFC 7009 or as the manifest declares it.
 * @throws OAuthError, KeywardError where another attempt may bring a receipt
 */
export async function revokeAtProvider(options: RevokeAtProviderOptions, held: HeldCredential): Promise<Receipt> {
  const { provider, credential, app, connection } = held;
  if (provider === undefined || credential === null || !canRevoke(provider)) return 'not_supported';
  // The registration was removed, and without it nobody is asked.
  if (app === null && connection.providerAppId !== null) return 'not_supported';
  const fetch = options.egress.fetchFor({ provider: provider.name, origins: authorizationServerOrigins(provider) });
  try {
    await asClient(options, app, (client) =>
      withTokens(options, provider, credential, (tokens) => revokeToken({ provider, client, ...tokens }, { fetch })),
    );
    return 'confirmed';
  } catch (thrown) {
    if (thrown instanceof OAuthError && thrown.failure === 'rejected') return 'refused';
    // The token by which this provider can be asked is one that it never gave.
    if (asKeywardError(thrown).code === 'invalid_request') return 'not_supported';
    throw thrown;
  }
}

function asClient<T>(
  { credentials }: RevokeAtProviderOptions,
  app: ProviderAppEntity | null,
  use: (client: OAuthClient) => Promise<T>,
): Promise<T> {
  return app === null ? use(NO_CLIENT) : withClient(credentials, app, use);
}

interface Tokens {
  accessToken: string;
  refreshToken?: string;
}

/** A subject token or a private key is renewal material too, but none that this provider has issued. */
function withTokens<T>(
  { credentials }: RevokeAtProviderOptions,
  provider: ProviderManifest,
  { orgId: org, connectionId: connection, generation, sealedAccess, sealedRefresh }: CredentialEntity,
  use: (tokens: Tokens) => Promise<T>,
): Promise<T> {
  const ref = { org, connection, generation };
  return credentials.open({ ...ref, sealedAccess }, (accessToken) => {
    if (sealedRefresh === null || !holdsRefreshToken(provider)) return use({ accessToken });
    return credentials.openRefreshToken({ ...ref, sealedRefresh }, (refreshToken) => use({ accessToken, refreshToken }));
  });
}

function holdsRefreshToken({ auth }: ProviderManifest): boolean {
  return auth.kind !== 'oauth2_token_exchange' && auth.kind !== 'signed_jwt';
}
