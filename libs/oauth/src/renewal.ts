import type { ProviderManifest } from '@keyward/connectors';

/** How an access token is followed by the next one, without the person. */
export type Renewal = 'refresh_token' | 'reissue' | 'exchange' | 'none';

const BY_KIND: Record<ProviderManifest['auth']['kind'], Renewal> = {
  oauth2_authorization_code: 'refresh_token',
  oauth2_device_authorization: 'refresh_token',
  mcp_oauth2: 'refresh_token',
  oauth2_client_credentials: 'reissue',
  oauth2_jwt_bearer: 'reissue',
  oauth2_token_exchange: 'reissue',
  app_installation: 'reissue',
  signed_jwt: 'reissue',
  api_key: 'none',
  basic: 'none',
  none: 'none',
};

/** As the manifest says it, or as it suits the kind of grant. */
export function renewalOf({ auth, refresh }: ProviderManifest): Renewal {
  return refresh.method ?? (refresh.exchange === undefined ? BY_KIND[auth.kind] : 'exchange');
}

/** Whether there is a way to the next token without the person. */
export function isRenewable(provider: ProviderManifest, tokens: { refreshToken?: string | undefined }): boolean {
  const renewal = renewalOf(provider);
  return renewal === 'refresh_token' ? tokens.refreshToken !== undefined : renewal !== 'none';
}
