import { hasAuth, resolveProvider, type ProviderManifest } from '@keyward/connectors';
import { discoveredProvider } from '@keyward/oauth';
import type { RefreshableCredential } from '@keyward/postgres-vault';

/**
 * The manifest as it is for one connection: with what differs per connection and registration filled in, and of an MCP server with the
 * endpoints that were discovered when its registration was made.
 *
 * @throws KeywardError where a value is missing or leads elsewhere
 */
export function connectedProvider(
  manifest: ProviderManifest,
  { parameters, providerApp }: Pick<RefreshableCredential, 'parameters' | 'providerApp'>,
): ProviderManifest {
  const registration = providerApp === null ? {} : { app: providerApp.parameters, clientId: providerApp.clientId };
  const provider = resolveProvider(manifest, { connection: parameters, ...registration });
  if (!hasAuth(provider, 'mcp_oauth2') || !providerApp?.metadata) return provider;
  return discoveredProvider(provider, providerApp.metadata);
}
