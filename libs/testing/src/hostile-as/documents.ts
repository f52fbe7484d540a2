import type { MetadataAttack, ResourceAttack } from './behaviour.js';

type Json = Record<string, unknown>;

const CLOUD_METADATA = 'https://169.254.169.254/latest/meta-data';

/** RFC 8414 section 2. */
function honestMetadata(url: string): Json {
  return {
    issuer: url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    registration_endpoint: `${url}/register`,
    revocation_endpoint: `${url}/revoke`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  };
}

const PLAIN_HTTP = 'http://as.example.com';

/** What is different about the metadata; those that are no JSON object at all are answered in another place. */
const METADATA: Partial<Record<MetadataAttack, (url: string) => Json>> = {
  wrong_issuer: () => ({ issuer: 'https://honest.example.com' }),
  http_endpoints: () => ({ token_endpoint: `${PLAIN_HTTP}/token` }),
  endpoint_at_cloud_metadata: () => ({ token_endpoint: CLOUD_METADATA }),
  endpoint_at_private_address: () => ({ registration_endpoint: 'https://10.0.0.1/register' }),
  endpoint_at_loopback: () => ({ token_endpoint: 'http://127.0.0.1:6379/' }),
  endpoint_with_user_info: () => ({ authorization_endpoint: 'https://honest.example.com@evil.example/authorize' }),
  javascript_endpoint: () => ({ authorization_endpoint: 'javascript:alert(document.domain)' }),
  plain_pkce_only: () => ({ code_challenge_methods_supported: ['plain'] }),
  no_pkce: () => ({ code_challenge_methods_supported: undefined }),
  no_token_endpoint: () => ({ token_endpoint: undefined }),
};

export function metadataOf(attack: MetadataAttack, url: string): string {
  if (attack === 'not_an_object') return JSON.stringify([honestMetadata(url)]);
  if (attack === 'prototype_keys') return JSON.stringify(honestMetadata(url)).replace('{', '{"__proto__":{"issuer":"x"},');
  return JSON.stringify({ ...honestMetadata(url), ...METADATA[attack]?.(url) });
}

const RESOURCE: Partial<Record<ResourceAttack, (url: string) => Json>> = {
  wrong_resource: () => ({ resource: 'https://honest.example.com/mcp' }),
  resource_prefix: (url) => ({ resource: url }),
  no_servers: () => ({ authorization_servers: [] }),
  server_over_http: () => ({ authorization_servers: [PLAIN_HTTP] }),
  server_at_cloud_metadata: () => ({ authorization_servers: ['https://169.254.169.254'] }),
  server_at_loopback: () => ({ authorization_servers: ['http://127.0.0.1:6379'] }),
  javascript_server: () => ({ authorization_servers: ['javascript:alert(1)'] }),
};

/** RFC 9728 section 2. */
export function resourceMetadataOf(attack: ResourceAttack, url: string): string {
  const honest = { resource: `${url}/mcp`, authorization_servers: [url], scopes_supported: ['notes:read'] };
  return JSON.stringify({ ...honest, ...RESOURCE[attack]?.(url) });
}

/** RFC 9728 section 5.1. */
export function challengeOf(attack: ResourceAttack, url: string): string {
  const at: Partial<Record<ResourceAttack, string>> = {
    challenge_at_cloud_metadata: CLOUD_METADATA,
    challenge_with_javascript: 'javascript:alert(1)',
  };
  return `Bearer realm="mcp, resource_metadata=\\"https://x.example\\"", resource_metadata="${at[attack] ?? `${url}/.well-known/oauth-protected-resource/mcp`}"`;
}

/** More than anybody should read, and deeper. */
export const HUGE = JSON.stringify({ issuer: 'x'.repeat(4_000_000) });
export const DEEP = `{"issuer":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
