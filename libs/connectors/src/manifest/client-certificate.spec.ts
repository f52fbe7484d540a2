import { describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from './provider-manifest.js';

const OAUTH = { token_endpoint: 'https://bank.example/token', token_endpoint_auth_method: 'none' };
const ASSERTION = { algorithm: 'RS256' };

function problems(auth: object, more: object = { client_certificate: true }): string[] {
  const places = { base_url: 'https://bank.example', origins: ['https://bank.example'] };
  const { error } = providerManifestSchema.safeParse({ name: 'bank', title: 'Bank', auth, ...places, ...more });
  return (error?.issues ?? []).map(({ path }) => path.join('/'));
}

describe('client_certificate', () => {
  it('is false where the manifest does not say', () => {
    const { client_certificate } = providerManifestSchema.parse({
      ...{ name: 'bank', title: 'Bank', auth: { kind: 'none' } },
      ...{ base_url: 'https://bank.example', origins: ['https://bank.example'] },
    });
    expect(client_certificate).toBe(false);
  });

  it.each([
    { kind: 'oauth2_authorization_code', authorization_endpoint: 'https://bank.example/authorize' },
    { kind: 'oauth2_client_credentials' },
    { kind: 'oauth2_device_authorization', device_authorization_endpoint: 'https://bank.example/device' },
    { kind: 'oauth2_jwt_bearer' },
    { kind: 'oauth2_token_exchange' },
  ])('goes with $kind, whatever else the client proves itself with', (auth) => {
    expect(problems({ ...OAUTH, ...auth })).toEqual([]);
    expect(problems({ ...OAUTH, ...auth, token_endpoint_auth_method: 'tls_client_auth' })).toEqual([]);
  });

  it.each([
    { kind: 'none' },
    { kind: 'api_key' },
    { kind: 'basic' },
    { kind: 'signed_jwt', assertion: ASSERTION },
    { kind: 'mcp_oauth2', resource: 'https://bank.example/mcp' },
    { kind: 'app_installation', installation_url: 'https://bank.example/install', token_endpoint: 'https://bank.example/token' },
  ])('is refused of $kind, whose requests have none to show at a token endpoint', (auth) => {
    expect(problems(auth)).toEqual(['client_certificate']);
    expect(problems(auth, { client_certificate: false })).toEqual([]);
  });
});
