import { renewalOf, type ProviderManifest } from '@keyward/connectors';

/** Whether there is a way to the next token without the person. */
export function isRenewable(provider: ProviderManifest, tokens: { refreshToken?: string | undefined }): boolean {
  const renewal = renewalOf(provider);
  return renewal === 'refresh_token' ? tokens.refreshToken !== undefined : renewal !== 'none';
}
