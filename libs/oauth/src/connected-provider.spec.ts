import { describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from '@keyward/connectors';
import { grantProvider } from '../test/strict-server.js';
import { connectedProvider } from './connected-provider.js';

const SERVER = 'https://auth.example.com';
const METADATA = {
  issuer: SERVER,
  authorization_endpoint: `${SERVER}/authorize`,
  token_endpoint: `${SERVER}/token`,
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['none'],
};
const app = (metadata: Record<string, unknown> | null, parameters = {}) => ({ clientId: 'client1', parameters, metadata });

describe('the manifest of one connection', () => {
  it('has the values of the connection and of the registration filled in', () => {
    const manifest = providerManifestSchema.parse({
      name: 'acme',
      title: 'Acme',
      connection_parameters: { shop: { title: 'Shop', type: 'label', source: 'input' } },
      app_parameters: { tenant: { title: 'Tenant', type: 'label' } },
      auth: {
        kind: 'oauth2_authorization_code',
        authorization_endpoint: `${SERVER}/\${app.tenant}/authorize`,
        token_endpoint: `${SERVER}/\${app.tenant}/token`,
      },
      base_url: 'https://${connection.shop}.example.com',
      origins: ['https://${connection.shop}.example.com'],
    });
    const registered = { manifest, app: app(null, { tenant: 'blue' }) };
    expect(connectedProvider(registered, { shop: 'red' })).toMatchObject({
      base_url: 'https://red.example.com',
      auth: { token_endpoint: `${SERVER}/blue/token` },
    });
    expect(() => connectedProvider(registered, {})).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(() => connectedProvider({ manifest, app: null }, { shop: 'red' })).toThrow();
  });

  it('of an MCP server is an ordinary code flow once its authorization server was discovered', () => {
    const manifest = grantProvider(SERVER, { kind: 'mcp_oauth2', resource: `${SERVER}/mcp` });
    expect(connectedProvider({ manifest, app: app(METADATA) }, {}).auth).toMatchObject({
      kind: 'oauth2_authorization_code',
      token_endpoint: `${SERVER}/token`,
    });
    for (const undiscovered of [null, app(null)])
      expect(connectedProvider({ manifest, app: undiscovered }, {}).auth.kind).toBe('mcp_oauth2');
    const poisoned = app({ ...METADATA, token_endpoint: 'http://127.0.0.1/token' });
    expect(() => connectedProvider({ manifest, app: poisoned }, {})).toThrow(expect.objectContaining({ code: 'provider_error' }));
  });

  it('of another kind of grant takes no endpoint from what is stored', () => {
    const manifest = grantProvider(SERVER, { kind: 'oauth2_client_credentials', token_endpoint: `${SERVER}/token` });
    const stored = app({ ...METADATA, token_endpoint: `${SERVER}/other` });
    expect(connectedProvider({ manifest, app: stored }, {})).toEqual(manifest);
  });
});
