import { z } from 'zod';

/** Plain http is for a provider on this very machine: the sandbox and tests. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** The URL parser drops tabs and line breaks and trims spaces; what holds any is not the URL that was read by a person. */
function parse(text: string): URL | undefined {
  if (!/^[\x21-\x7e]+$/.test(text)) return undefined;
  return URL.canParse(text) ? new URL(text) : undefined;
}

function isAllowedEndpoint(text: string): boolean {
  const url = parse(text);
  if (url === undefined || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

export const endpointUrlSchema = z
  .string()
  .max(2048)
  .refine(isAllowedEndpoint, 'must be an https URL (http on loopback only) without user name, password or fragment');

/** Whether the text is exactly what URL.origin gives, so that origins can be compared as strings. */
export function isSerialisedOrigin(text: string): boolean {
  return parse(text)?.origin === text;
}

/** Whether the URL parser would leave the text as it is: nothing to normalise means nothing to misread. */
export function isCleanBaseUrl(text: string): boolean {
  const url = parse(text);
  if (url === undefined || url.search !== '' || text.endsWith('/')) return false;
  return url.href === text || url.href === `${text}/`;
}

/** RFC 9110 section 5.1: a field name is a token. Lower case, as it is compared. */
export const headerNameSchema = z
  .string()
  .max(64)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be an HTTP field name')
  .transform((name) => name.toLowerCase());
