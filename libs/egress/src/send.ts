import type { Pools } from './connect/pools.js';
import type { EgressObserver, EgressRequest, EgressResponse } from './egress.js';
import { secretTexts } from './credential.js';
import { denied, EgressError } from './egress-error.js';
import { decodeBody } from './exchange/decode-body.js';
import { exchange, type RawResponse } from './exchange/exchange.js';
import { inject } from './exchange/inject.js';
import { requestHeaders, responseHeaders } from './exchange/headers.js';
import { Redactor } from './redact/redactor.js';
import { startClientSpan } from './trace/client-span.js';

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const asItIs = (text: string) => text;

export interface Way {
  pools: Pools;
  observer: EgressObserver;
}

/** One request with its redirects. Each hop is checked anew; the credential goes to the first hop's origin or nowhere. */
export async function send(way: Way, request: EgressRequest): Promise<EgressResponse> {
  const deadline = performance.now() + request.timeoutMs;
  let hop = request;
  let url = checkedUrl(request);
  for (let redirects = 0; ; redirects++) {
    const sent = sendHop(way, { ...hop, timeoutMs: deadline - performance.now() }, url);
    const raw = redirects === 0 ? await sent : await sent.catch(afterRedirect);
    const location = REDIRECTS.has(raw.status) ? raw.headers['location'] : undefined;
    if (location === undefined) return receive(raw, request);
    if (redirects === MAX_REDIRECTS) throw denied('too_many_redirects', true);
    url = redirectTarget(String(location), url);
    hop = redirected(hop, raw.status);
  }
}

/** The hop before has answered, and a 303 says that it has carried out what was asked (RFC 9110 section 15.4.4). */
function afterRedirect(error: unknown): never {
  if (!(error instanceof EgressError) || error.requestMayHaveBeenProcessed) throw error;
  const { code, message, denial } = error;
  throw new EgressError(code, message, true, { cause: error, ...(denial === undefined ? {} : { denial }) });
}

/** One hop: no redirect followed, nothing decoded. */
export async function sendHop({ pools, observer }: Way, request: EgressRequest, url: URL): Promise<RawResponse> {
  const own = request.tls === undefined ? undefined : pools.withCertificate(url.origin, request.tls);
  const span = startClientSpan(request, url);
  const began = performance.now();
  let status: number | undefined;
  let failure: EgressError | undefined;
  try {
    const injected = inject(url, request);
    const raw = await exchange(own ?? pools.of(url.origin), {
      method: request.method,
      path: injected.path,
      headers: requestHeaders(request.headers, injected, span.headers),
      body: injected.body,
      timeoutMs: request.timeoutMs,
      signal: request.signal,
      mayLeave: request.mayLeave,
      maxBytes: request.maxBytes,
      isLast: request.isLast,
    });
    status = raw.status;
    return raw;
  } catch (error) {
    failure =
      error instanceof EgressError
        ? error
        : new EgressError('internal', 'The request could not be sent.', true, { cause: error });
    throw failure;
  } finally {
    void own?.destroy();
    span.end(status, failure);
    observer.hop?.({ provider: request.provider, status, error: failure, seconds: (performance.now() - began) / 1000 });
  }
}

/** @throws EgressError `egress_denied` unless the URL is http(s), without user info, and of an origin that is named exactly */
export function checkedUrl({ url: text, origins }: Pick<EgressRequest, 'url' | 'origins'>): URL {
  if (!URL.canParse(text)) throw denied('url_not_allowed');
  const url = new URL(text);
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '')
    throw denied('url_not_allowed');
  if (!origins.includes(url.origin)) throw denied('origin_not_allowed');
  return url;
}

async function receive(raw: RawResponse, { credential: sent, withheld, maxBytes }: EgressRequest): Promise<EgressResponse> {
  const body = await decodeBody(raw, maxBytes);
  const credential = sent ?? withheld;
  if (credential === undefined) return { status: raw.status, headers: responseHeaders(raw.headers, asItIs), body };
  const redactor = new Redactor(secretTexts(credential));
  return { status: raw.status, headers: responseHeaders(raw.headers, redactor.text), body: redactor.body(body) };
}

function redirectTarget(location: string, from: URL): URL {
  if (!URL.canParse(location, from.href)) throw denied('url_not_allowed', true);
  const url = new URL(location, from);
  if (url.origin !== from.origin || url.username !== '' || url.password !== '') throw denied('cross_origin_redirect', true);
  return url;
}

/** RFC 9110 section 15.4: 303 asks for a GET, and for 301 and 302 after a POST every client does the same. */
function redirected(hop: EgressRequest, status: number): EgressRequest {
  const becomesGet = status === 303 ? hop.method !== 'HEAD' : status < 303 && hop.method === 'POST';
  if (!becomesGet) return hop;
  const headers = Object.fromEntries(Object.entries(hop.headers).filter(([name]) => !name.toLowerCase().startsWith('content-')));
  // A GET has no body for the credential to be in.
  const credential = hop.credential?.in === 'body' ? undefined : hop.credential;
  return { ...hop, method: 'GET', body: undefined, headers, credential };
}
