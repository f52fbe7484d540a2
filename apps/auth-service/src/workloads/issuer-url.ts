const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * An issuer identifier or where its keys are: https, since who can change the answer can sign as anyone; http only where nobody is
 * in between. An issuer has no query (OpenID Connect Discovery section 3), its key set may.
 */
export function isIssuerUrl(text: string, { query = false } = {}): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || text.includes('#')) return false;
  if (!query && text.includes('?')) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
}
