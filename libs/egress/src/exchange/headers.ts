import { ACCEPT_ENCODING } from './decode-body.js';
import type { ResponseHeaders } from './exchange.js';
import type { Injected } from './inject.js';

const USER_AGENT = 'keyward/0.1';

/** Of one connection only (RFC 9110 section 7.6.1), of the message's framing, or ours: never handed on, in neither direction. */
const NOT_FORWARDED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'expect',
  'accept-encoding',
  'cookie',
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
]);
const NOT_RETURNED = new Set([...NOT_FORWARDED, 'set-cookie', 'content-encoding', 'alt-svc']);
/** Trace context is ours to give (see `propagateTrace`), not the caller's. */
const isOurs = (name: string) =>
  name.startsWith('keyward-') || name === 'traceparent' || name === 'tracestate' || name === 'baggage';

/** Fields that a `Connection` field names are of that connection too. */
function namedByConnection(value: string | string[] | undefined): readonly string[] {
  return value === undefined
    ? []
    : String(value)
        .toLowerCase()
        .split(',')
        .map((name) => name.trim());
}

/** @returns name, value, name, value …; the credential stands last and alone under its name. A User-Agent of the connector's replaces ours. */
export function requestHeaders(
  headers: Readonly<Record<string, string>>,
  { header: credential, bodyAdded }: Pick<Injected, 'header' | 'bodyAdded'>,
  trace: Readonly<Record<string, string>>,
): string[] {
  const result = ['accept-encoding', ACCEPT_ENCODING];
  let userAgent = USER_AGENT;
  const ofConnection = namedByConnection(headers['connection'] ?? headers['Connection']);
  for (const key of Object.keys(headers)) {
    const name = key.toLowerCase();
    if (NOT_FORWARDED.has(name) || isOurs(name) || name === credential?.[0] || ofConnection.includes(name)) continue;
    if (bodyAdded && name === 'content-type') continue;
    if (name === 'user-agent') userAgent = headers[key] as string;
    else result.push(name, headers[key] as string);
  }
  result.push('user-agent', userAgent);
  if (bodyAdded) result.push('content-type', 'application/json');
  for (const key of Object.keys(trace)) result.push(key, trace[key] as string);
  if (credential !== undefined) result.push(...credential);
  return result;
}

export function responseHeaders(headers: ResponseHeaders, redact: (text: string) => string): Record<string, string> {
  const ofConnection = namedByConnection(headers['connection']);
  const result: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined || NOT_RETURNED.has(name) || ofConnection.includes(name)) continue;
    Object.defineProperty(result, name, {
      value: redact(Array.isArray(value) ? value.join(', ') : value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}
