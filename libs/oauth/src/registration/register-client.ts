import { hasAuth, type ProviderManifest } from '@keyward/connectors';
import { KeywardError, type ClientRegistration } from '@keyward/contracts';
import type { Discovered } from '../discovery/discover-resource.js';
import type { ServerMetadata } from '../discovery/server-metadata.js';
import type { DiscoveryWire } from '../discovery/wire.js';
import type { OAuthClient } from '../wire.js';
import { isClientMetadataUrl, type ClientDescription } from './client-metadata.js';
import { registerDynamically } from './dynamic-registration.js';

export interface RegisterClientRequest extends ClientDescription {
  manifest: ProviderManifest;
  discovered: Discovered;
  /** Where our own client id metadata document is reachable by the server, if anywhere. */
  clientMetadataUrl?: string | undefined;
  /** Entered by hand, each with the issuer it was made at. One of another issuer is never used. */
  preRegistered?: readonly { issuer: string; client: OAuthClient }[] | undefined;
}

export interface RegisteredClient {
  client: OAuthClient;
  registration: ClientRegistration;
  /** The credentials are for this issuer alone. */
  issuer: string;
  /** To be stored: the server's, with the one way of authenticating that is agreed upon. What `discoveredProvider` takes. */
  metadata: ServerMetadata;
}

type Attempt = (request: RegisterClientRequest, wire: DiscoveryWire) => Promise<RegisteredClient | undefined>;

const ATTEMPTS: Record<ClientRegistration, Attempt> = {
  pre_registered: async ({ discovered, preRegistered = [] }) => {
    const known = preRegistered.find(({ issuer }) => issuer === discovered.issuer);
    if (known === undefined) return undefined;
    const methods = discovered.metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const withSecret = methods.includes('client_secret_basic') ? 'client_secret_basic' : 'client_secret_post';
    return registered(discovered, known.client, 'pre_registered', known.client.clientSecret === undefined ? 'none' : withSecret);
  },
  client_id_metadata_document: async ({ discovered, clientMetadataUrl }) => {
    if (discovered.metadata.client_id_metadata_document_supported !== true) return undefined;
    if (clientMetadataUrl === undefined || !isClientMetadataUrl(clientMetadataUrl)) return undefined;
    return registered(discovered, { clientId: clientMetadataUrl }, 'client_id_metadata_document', 'none');
  },
  dynamic: async (request, wire) => {
    const { discovered } = request;
    if (discovered.metadata.registration_endpoint === undefined) return undefined;
    const { client, authMethod } = await registerDynamically(discovered.metadata, request, wire);
    return registered(discovered, client, 'dynamic', authMethod);
  },
};

/**
 * A registration at a discovered server: the first way that the manifest allows and the server offers.
 * @throws KeywardError `invalid_request` where a person must register a client there by hand; `provider_error`, `provider_unavailable`
 */
export async function registerClient(request: RegisterClientRequest, wire: DiscoveryWire): Promise<RegisteredClient> {
  const { manifest } = request;
  if (!hasAuth(manifest, 'mcp_oauth2')) throw new KeywardError('internal', 'only an MCP server’s provider is discovered');
  for (const way of manifest.auth.registration) {
    const result = await ATTEMPTS[way](request, wire);
    if (result !== undefined) return result;
  }
  throw new KeywardError(
    'invalid_request',
    `The authorization server of ${manifest.title} registers no clients by itself: register one there, and enter its client id and secret.`,
  );
}

function registered(
  { issuer, metadata }: Discovered,
  client: OAuthClient,
  registration: ClientRegistration,
  authMethod: string,
): RegisteredClient {
  return { client, registration, issuer, metadata: { ...metadata, token_endpoint_auth_methods_supported: [authMethod] } };
}
