const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
/** Browsers read `\` as `/`, and drop tabs and line breaks anywhere: a URL that holds any is not what it looks like. */
const AMBIGUOUS = /[\\\s\p{Cc}]/u;

/**
 * Whether a URL may be registered as a place to send people to: absolute, https (http on this machine only), no user information and
 * no fragment. Which registered one is used is decided by comparing whole texts.
 */
export function isReturnUrl(text: string): boolean {
  const url = AMBIGUOUS.test(text) ? null : URL.parse(text);
  if (url === null || !/^https?:\/\//.test(text)) return false;
  if (url.username !== '' || url.password !== '' || url.hash !== '' || text.includes('#') || text.includes('@')) return false;
  return url.protocol === 'https:' || LOOPBACK.test(url.hostname);
}
