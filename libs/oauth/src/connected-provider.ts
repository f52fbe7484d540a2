import { hasAuth, resolveProvider, type ProviderManifest } from '@keyward/connectors';
import { discoveredProvider } from './discovery/discovered-provider.js';

/** A manifest with the registration that an organization has for it. */
export interface RegisteredProvider {
  /** As declared: late references are open. */
  manifest: ProviderManifest;
  /** Null where the kind of grant needs none. */
  app: {
    clientId: string;
    /** `${app.…}` of the manifest. */
    parameters: Readonly<Record<string, string>>;
    /** What `registerClient` found out about an MCP server's authorization server. */
    metadata: Readonly<Record<string, unknown>> | null;
  } | null;
}

/**
 * The manifest as it is for one connection: with everything filled in that is known, and of an MCP server with the endpoints that were
 * discovered when its registration was made.
 * @param connection `${connection.…}` of the manifest
 * @throws KeywardError `invalid_request` where a value is missing or leads elsewhere; `provider_error` where what was discovered is not
 * accepted (any more)
 */
export function connectedProvider(
  { manifest, app }: RegisteredProvider,
  connection: Readonly<Record<string, string>>,
): ProviderManifest {
  const registration = app === null ? {} : { app: app.parameters, clientId: app.clientId };
  const provider = resolveProvider(manifest, { connection, ...registration });
  return app?.metadata && hasAuth(provider, 'mcp_oauth2') ? discoveredProvider(provider, app.metadata) : provider;
}
