import { hasAuth, providerManifestSchema, type ProviderWith } from '@keyward/connectors';

interface Overrides {
  url?: string;
  auth?: Record<string, unknown>;
  refresh?: Record<string, unknown>;
  connection_parameters?: Record<string, unknown>;
}

/** A valid manifest of an authorization server at `url`, with whatever a test needs to be different. */
export function testProvider({
  url = 'https://as.example.com',
  auth = {},
  refresh = {},
  connection_parameters = {},
}: Overrides = {}): ProviderWith<'oauth2_authorization_code'> {
  const provider = providerManifestSchema.parse({
    name: 'example',
    title: 'Example',
    auth: {
      kind: 'oauth2_authorization_code',
      issuer: url,
      authorization_endpoint: `${url}/auth`,
      token_endpoint: `${url}/token`,
      revocation_endpoint: `${url}/revoke`,
      scopes: { default: ['notes:read'] },
      ...auth,
    },
    refresh: { rotates: true, ...refresh },
    connection_parameters,
    base_url: `${url}/api`,
    origins: [url],
  });
  if (!hasAuth(provider, 'oauth2_authorization_code')) throw new Error('tests of the code flow');
  return provider;
}
