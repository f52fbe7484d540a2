import { KeywardError, parseBoundedJson } from '@keyward/contracts';
import { readBounded } from '../read-bounded.js';
import { refused, unavailable } from './errors.js';
import type { DiscoveryRequest, DiscoveryWire } from './wire.js';

/** Far above any real metadata document. */
const BOUNDS = { maxBytes: 131_072, maxDepth: 12 };
const TIMEOUT_MS = 10_000;

export interface FetchedDocument {
  status: number;
  headers: Headers;
  /** Undefined where the body is not a JSON object. */
  json: Record<string, unknown> | undefined;
}

/** One bounded request to one origin. Redirects are answers like others: what they lead to is nobody's metadata. */
export async function fetchDocument(
  wire: DiscoveryWire,
  url: URL,
  request: Pick<DiscoveryRequest, 'method' | 'headers' | 'body'>,
): Promise<FetchedDocument> {
  const timeout = AbortSignal.timeout(wire.timeoutMs ?? TIMEOUT_MS);
  const signal = wire.signal === undefined ? timeout : AbortSignal.any([wire.signal, timeout]);
  try {
    const response = await wire.fetchFor([url.origin])(url.href, { ...request, redirect: 'manual', signal });
    const bytes = await readBounded(response, BOUNDS.maxBytes, () => refused('it answers too much'));
    return { status: response.status, headers: response.headers, json: jsonObject(bytes) };
  } catch (thrown) {
    if (thrown instanceof KeywardError && KEPT.has(thrown.code)) throw thrown;
    if (thrown instanceof KeywardError && thrown.code === 'response_too_large') throw refused('it answers too much', thrown);
    throw unavailable(thrown);
  }
}

const KEPT = new Set(['egress_denied', 'provider_error', 'invalid_request']);

function jsonObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const json = parseBoundedJson(bytes, BOUNDS);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
