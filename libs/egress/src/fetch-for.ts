import type { EgressFetch, EgressFetchInit, FetchOptions } from './egress.js';
import { EgressError } from './egress-error.js';
import { decodeBody } from './exchange/decode-body.js';
import { responseHeaders } from './exchange/headers.js';
import { checkedUrl, sendHop, type Way } from './send.js';

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 262_144;
/** A `Response` with one of these must have no body (Fetch standard, "null body status"). */
const NULL_BODY = new Set([204, 205, 304]);
/** RFC 9110 section 15: there is no status beyond, and no `Response` takes one. */
const MAX_STATUS = 599;

export function fetchFor(way: Way, options: FetchOptions): EgressFetch {
  const { provider, origins, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, mayLeave } = options;
  return async (text, init = {}) => {
    const url = checkedUrl({ url: text, origins });
    const headers = init.headers instanceof Headers ? Object.fromEntries(init.headers) : (init.headers ?? {});
    const raw = await sendHop(
      way,
      {
        provider,
        origins,
        method: init.method ?? 'GET',
        url: text,
        headers,
        body: bodyOf(init),
        timeoutMs,
        maxBytes,
        signal: init.signal ?? undefined,
        tls: init.tls,
        mayLeave,
      },
      url,
    );
    if (raw.status > MAX_STATUS)
      throw new EgressError('provider_unavailable', `The provider’s answer has status ${raw.status}, which there is not.`, true);
    const body = await decodeBody(raw, maxBytes);
    return new Response(NULL_BODY.has(raw.status) ? null : new Uint8Array(body), {
      status: raw.status,
      headers: responseHeaders(raw.headers, (value) => value),
    });
  };
}

function bodyOf({ body }: EgressFetchInit): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || body instanceof URLSearchParams) return String(body);
  throw new TypeError('only a text or URLSearchParams can be sent');
}
