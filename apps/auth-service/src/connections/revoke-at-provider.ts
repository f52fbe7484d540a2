import { authorizationServerOrigins, type Catalog, type ProviderManifest } from '@keyward/connectors';
import type { Credentials } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import { clientSecretContext, OAuthError, revokeToken, type OAuthClient } from '@keyward/oauth';
import type { CredentialEntity, ProviderAppEntity } from '@keyward/postgres';

export interface RevokeAtProviderOptions {
  catalog: Catalog;
  credentials: Credentials;
  egress: Egress;
}

export interface HeldCredential {
  provider: string;
  credential: CredentialEntity | null;
  app: ProviderAppEntity | null;
}

/** How it ended: with a receipt, or with nothing left to try. */
export type Receipt = 'confirmed' | 'not_supported' | 'refused';

/**
 * Revokes both tokens at the provider (RFC 7009), the refresh token first: of most servers it takes the access tokens along.
 * @throws OAuthError, KeywardError where another attempt may bring a receipt
 */
export async function revokeAtProvider(options: RevokeAtProviderOptions, held: HeldCredential): Promise<Receipt> {
  const manifest = options.catalog.connector(held.provider);
  const { credential, app } = held;
  if (manifest?.auth.revocation_endpoint === undefined || credential === null || app === null) return 'not_supported';
  return withClient(options, app, async (client) => {
    const revoke = revokerFor(options, manifest, client);
    const { orgId: org, connectionId: connection, generation, sealedAccess, sealedRefresh } = credential;
    const ref = { org, connection, generation };
    const refused =
      sealedRefresh !== null &&
      (await options.credentials.openRefreshToken({ ...ref, sealedRefresh }, (token) => revoke(token, 'refresh_token'))) ===
        'refused';
    const access = await options.credentials.open({ ...ref, sealedAccess }, (token) => revoke(token, 'access_token'));
    // A server need not take access tokens (section 2); where the refresh token is dead, they end by themselves.
    return refused || (sealedRefresh === null && access === 'refused') ? 'refused' : 'confirmed';
  });
}

function withClient<T>(
  { credentials }: RevokeAtProviderOptions,
  app: ProviderAppEntity,
  use: (client: OAuthClient) => Promise<T>,
): Promise<T> {
  if (app.sealedSecret === null) return use({ clientId: app.clientId });
  const context = clientSecretContext({ org: app.orgId, id: app.id, generation: app.generation });
  return credentials.openSecret(context, app.sealedSecret, (clientSecret) => use({ clientId: app.clientId, clientSecret }));
}

function revokerFor({ egress }: RevokeAtProviderOptions, provider: ProviderManifest, client: OAuthClient) {
  const fetch = egress.fetchFor({ provider: provider.name, origins: authorizationServerOrigins(provider) });
  return async (token: string, tokenTypeHint: 'access_token' | 'refresh_token'): Promise<'confirmed' | 'refused'> => {
    try {
      await revokeToken({ provider, client, token, tokenTypeHint }, { fetch });
      return 'confirmed';
    } catch (thrown) {
      // Section 2.2.1 has the server answer 200 for a token that it does not know; some say invalid_grant, and mean the same.
      if (thrown instanceof OAuthError && thrown.failure === 'invalid_grant') return 'confirmed';
      if (thrown instanceof OAuthError && thrown.failure === 'rejected') return 'refused';
      throw thrown;
    }
  };
}
