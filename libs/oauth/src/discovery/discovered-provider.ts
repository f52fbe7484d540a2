import { hasAuth, providerManifestSchema, type ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { refused } from './errors.js';
import { checkServerMetadata } from './server-metadata.js';

const METHODS = ['client_secret_basic', 'client_secret_post', 'none'] as const;

/**
 * An MCP server's manifest as that of an ordinary code flow, so that nothing after discovery is special.
 * @param metadata as `registerClient` returned it, and as it has been stored since: checked again here
 * @throws KeywardError `provider_error` where it would not be accepted (any more)
 */
export function discoveredProvider(manifest: ProviderManifest, metadata: Readonly<Record<string, unknown>>): ProviderManifest {
  if (!hasAuth(manifest, 'mcp_oauth2')) throw new KeywardError('internal', 'only an MCP server’s provider is discovered');
  const { resource, scopes } = manifest.auth;
  const server = checkServerMetadata(metadata, new URL(resource));
  const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const provider = providerManifestSchema.safeParse({
    ...manifest,
    auth: {
      kind: 'oauth2_authorization_code',
      issuer: server.issuer,
      authorization_response_iss_parameter_supported: server.authorization_response_iss_parameter_supported ?? false,
      authorization_endpoint: server.authorization_endpoint,
      token_endpoint: server.token_endpoint,
      token_endpoint_auth_method: METHODS.find((method) => offered.includes(method)),
      ...(server.revocation_endpoint === undefined ? {} : { revocation_endpoint: server.revocation_endpoint }),
      ...(server.introspection_endpoint === undefined ? {} : { introspection_endpoint: server.introspection_endpoint }),
      resource,
      pkce: 'S256',
      scopes: scopes.default.length > 0 ? scopes : { ...scopes, default: server.scopes_supported ?? [] },
    },
  });
  if (!provider.success) throw refused('its metadata does not make a provider');
  return provider.data;
}
