import { isIP } from 'node:net';
import { z } from 'zod';
import { isLoopback, secureUrl } from '../server.js';
import { refused } from './errors.js';

const url = z.string().min(1).max(2048);
const names = z.array(z.string().max(256)).max(500);

/** The members of RFC 8414 section 2 that are used, RFC 9207 section 3 and the client id metadata document draft's; others are dropped. */
const serverMetadataSchema = z.object({
  issuer: url,
  authorization_endpoint: url,
  token_endpoint: url,
  registration_endpoint: url.optional(),
  revocation_endpoint: url.optional(),
  introspection_endpoint: url.optional(),
  response_types_supported: names.optional(),
  token_endpoint_auth_methods_supported: names.optional(),
  code_challenge_methods_supported: names.optional(),
  /** What the protected resource needs (RFC 9728), not all that the server has. */
  scopes_supported: names.optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
  client_id_metadata_document_supported: z.boolean().optional(),
});
export type ServerMetadata = z.infer<typeof serverMetadataSchema>;

/**
 * Whether an address found at `from` may be used: https without user information or fragment, and none that only makes sense from
 * this machine or its network, unless the one who named it is there itself.
 * @throws KeywardError `provider_error`
 */
export function discoveredUrl(text: string, from: URL, what: string): URL {
  let found: URL;
  try {
    found = secureUrl(text, what);
  } catch (cause) {
    throw refused(`its ${what} is not an https URL`, cause);
  }
  if (found.hash !== '') throw refused(`its ${what} has a fragment`);
  if (isLoopback(found) && !isLoopback(from)) throw refused(`its ${what} is an address of this machine`);
  if (isNumeric(found) && !isNumeric(from)) throw refused(`its ${what} is a numeric address`);
  return found;
}

function isNumeric({ hostname }: URL): boolean {
  return isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
] as const;

/** @throws KeywardError `provider_error` for metadata that no authorization should be started with */
export function checkServerMetadata(json: unknown, from: URL): ServerMetadata {
  const parsed = serverMetadataSchema.safeParse(json);
  if (!parsed.success) throw refused('its metadata lacks an endpoint or has members of a wrong type');
  const metadata = parsed.data;
  discoveredUrl(metadata.issuer, from, 'issuer');
  for (const name of ENDPOINTS) if (metadata[name] !== undefined) discoveredUrl(metadata[name], from, name.replaceAll('_', ' '));
  // The MCP specification, "Authorization Code Protection": without S256 announced, a client must not go on.
  if (metadata.code_challenge_methods_supported?.includes('S256') !== true) {
    throw refused('it does not announce PKCE with S256, without which codes can be stolen');
  }
  if (metadata.response_types_supported?.includes('code') === false) throw refused('it does not offer the code flow');
  return metadata;
}
