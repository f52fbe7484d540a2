import { processDiscoveryResponse, processResourceDiscoveryResponse } from 'oauth4webapi';
import { withoutValues } from '../classify.js';
import { secureUrl } from '../server.js';
import { readBearerChallenge, type BearerChallenge } from './challenge.js';
import { refused, unavailable } from './errors.js';
import { fetchDocument } from './fetch-document.js';
import { checkServerMetadata, discoveredUrl, type ServerMetadata } from './server-metadata.js';
import { resourceMetadataUrls, serverMetadataUrls } from './well-known.js';
import type { DiscoveryWire } from './wire.js';

export interface Discovered {
  /** The resource identifier, as it was asked for (RFC 8707). */
  resource: string;
  /** Credentials of a registration belong to it, and to no other. */
  issuer: string;
  /** Checked. `scopes_supported` is what the resource asks for. */
  metadata: ServerMetadata;
  /** What the resource says it needs: its challenge before its metadata. May be empty. */
  scopes: string[];
}

/**
 * Where an MCP server's authorization is: its own metadata (RFC 9728), then that of the authorization server it names (RFC 8414, or
 * OpenID Connect Discovery). Both must speak of themselves, and PKCE S256 must be announced.
 * @throws KeywardError `provider_error` (what was found is not acceptable), `provider_unavailable`, `egress_denied`
 */
export async function discoverResource({ resource }: { resource: string }, wire: DiscoveryWire): Promise<Discovered> {
  const identifier = secureUrl(resource, 'address of the MCP server');
  const challenge = await challengeOf(identifier, wire);
  const described = await resourceMetadata(identifier, challenge, wire);
  const [named] = Array.isArray(described['authorization_servers']) ? (described['authorization_servers'] as unknown[]) : [];
  if (typeof named !== 'string') throw refused('it names no authorization server');
  const issuer = discoveredUrl(named, identifier, 'issuer');
  const metadata = checkServerMetadata(await serverMetadata(issuer, wire), identifier);
  const scopes = scopesOf(challenge?.scope?.split(' ') ?? described['scopes_supported']);
  return { resource, issuer: metadata.issuer, metadata: { ...metadata, scopes_supported: scopes }, scopes };
}

/** Asked without a token, an MCP server says where its metadata is (RFC 9728 section 5). `ping` changes nothing in any version of it. */
async function challengeOf(resource: URL, wire: DiscoveryWire): Promise<BearerChallenge | undefined> {
  const answer = await fetchDocument(wire, resource, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  });
  return answer.status === 401 ? readBearerChallenge(answer.headers.get('www-authenticate')) : undefined;
}

async function resourceMetadata(resource: URL, challenge: BearerChallenge | undefined, wire: DiscoveryWire) {
  const named = challenge?.resourceMetadata;
  const urls =
    named === undefined ? resourceMetadataUrls(resource) : [discoveredUrl(named, resource, 'address of the resource metadata')];
  const document = await firstDocument(urls, wire);
  if (document === undefined) throw refused('it has no metadata of itself as a protected resource (RFC 9728)');
  try {
    // RFC 9728 section 3.3: metadata that speaks of another resource must not be used.
    await processResourceDiscoveryResponse(resource, Response.json(document));
  } catch (thrown) {
    throw refused('its metadata speaks of another resource', withoutValues(thrown));
  }
  return document;
}

async function serverMetadata(issuer: URL, wire: DiscoveryWire) {
  const document = await firstDocument(serverMetadataUrls(issuer), wire);
  if (document === undefined) throw refused('its authorization server has no metadata (RFC 8414)');
  try {
    // RFC 8414 section 3.3: the issuer must be the one that was asked, or another server could pose as it.
    await processDiscoveryResponse(issuer, Response.json(document));
  } catch (thrown) {
    throw refused('its authorization server’s metadata speaks of another issuer', withoutValues(thrown));
  }
  return document;
}

/** The first of the addresses that has a JSON object. A server that is down is not one that has none. */
async function firstDocument(urls: readonly URL[], wire: DiscoveryWire): Promise<Record<string, unknown> | undefined> {
  for (const url of urls) {
    const { status, json } = await fetchDocument(wire, url, { method: 'GET', headers: { accept: 'application/json' } });
    if (status >= 500 || status === 429) throw unavailable();
    if (status === 200 && json !== undefined) return json;
  }
  return undefined;
}

/** RFC 6749 section 3.3; what is no scope token is left out. */
function scopesOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  const tokens = value.filter((one) => typeof one === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(one)) as string[];
  return [...new Set(tokens)].slice(0, 100);
}
