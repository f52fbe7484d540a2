/** Where somebody may be sent after signing in: a path of our own, as an absolute URL, so that no `//host` can come of it. */
export function ownUrl(path: unknown, publicUrl: string): string | undefined {
  // Browsers read a backslash as a slash, and drop tabs and line breaks: neither is in a path of ours.
  if (typeof path !== 'string' || path.length > 2048 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path)) return undefined;
  if (!URL.canParse(path, publicUrl)) return undefined;
  const url = new URL(path, publicUrl);
  return url.origin === publicUrl && !url.pathname.startsWith('//') ? url.href : undefined;
}
