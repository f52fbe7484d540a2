import { hasAuth, resolveProvider, type ProviderManifest } from '@keyward/connectors';
import type { ClientRegistration } from '@keyward/contracts';
import type { Egress } from '@keyward/egress';
import { discoverResource, registerClient, type DiscoveryWire, type OAuthClient } from '@keyward/oauth';
import { clientMetadataUrlOf, redirectUriOf } from './addresses.js';
import { refuse } from './credentials-needed.js';

export interface DiscoverOptions {
  egress: Egress;
  publicUrl: string;
}

export interface WantedRegistration {
  manifest: ProviderManifest;
  appParameters: Record<string, string>;
  /** Of the organization; the person who consents at the provider reads it. */
  organization: string;
  /** Last segment of the redirect URI. */
  context: string;
  /** Entered by hand, for the server that is found now. Never one that was made at another issuer. */
  entered?: OAuthClient | undefined;
}

export interface DiscoveredRegistration {
  client: OAuthClient;
  registration: ClientRegistration;
  issuer: string;
  metadata: Record<string, unknown>;
}

/**
 * Finds the authorization server of an MCP server and has a client there.
 * @throws KeywardError `invalid_request` (a person must register one there), `provider_error`, `provider_unavailable`, `egress_denied`
 */
export async function discoverRegistration(
  { egress, publicUrl }: DiscoverOptions,
  { manifest, appParameters, organization, context, entered }: WantedRegistration,
): Promise<DiscoveredRegistration> {
  const provider = resolveProvider(manifest, { app: appParameters });
  if (!hasAuth(provider, 'mcp_oauth2'))
    throw refuse('/clientId', `${manifest.title} needs a client id; nothing is discovered there`);
  const wire: DiscoveryWire = { fetchFor: (origins) => egress.fetchFor({ provider: provider.name, origins }) };
  const discovered = await discoverResource({ resource: provider.auth.resource }, wire);
  const clientMetadataUrl = clientMetadataUrlOf(publicUrl, context);
  return registerClient(
    {
      manifest: provider,
      discovered,
      clientName: clientNameOf(organization),
      redirectUri: redirectUriOf(publicUrl, context),
      // Servers fetch it: one that is on this machine only is of use to none.
      ...(clientMetadataUrl.startsWith('https:') ? { clientMetadataUrl } : {}),
      ...(entered === undefined ? {} : { preRegistered: [{ issuer: discovered.issuer, client: entered }] }),
    },
    wire,
  );
}

/** As the person who consents at the provider reads it. */
export function clientNameOf(organization: string): string {
  return `Keyward (${organization})`;
}
