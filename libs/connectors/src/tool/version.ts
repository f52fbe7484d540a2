import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import type { ToolDefinition } from '../manifest/tool-definition.js';

/** Over what a tool says and what of its provider stands in every request: 12 hexadecimal digits of SHA-256 over RFC 8785. */
export function versionOf(definition: ToolDefinition, { base_url, bases, headers, query }: ProviderManifest): string {
  const text = canonicalize({ definition, base_url, bases, headers, query });
  return createHash('sha256')
    .update(text ?? '')
    .digest('hex')
    .slice(0, 12);
}
