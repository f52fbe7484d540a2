/**
 * Where metadata of an identifier can be, most specific first: the well-known path goes between host and path (RFC 8615, RFC 9728
 * section 3.1, RFC 8414 section 3.1).
 */
function inserted(identifier: URL, suffix: string): URL {
  const path = identifier.pathname.replace(/\/$/, '');
  return new URL(`/.well-known/${suffix}${path}${identifier.search}`, identifier.origin);
}

function distinct(urls: URL[]): URL[] {
  return [...new Map(urls.map((url) => [url.href, url])).values()];
}

/** RFC 9728 section 3.1; the root as the MCP specification adds it. */
export function resourceMetadataUrls(resource: URL): URL[] {
  return distinct([
    inserted(resource, 'oauth-protected-resource'),
    new URL('/.well-known/oauth-protected-resource', resource.origin),
  ]);
}

/** RFC 8414 section 3.1 and 5, OpenID Connect Discovery 1.0 section 4.1: the latter appends where the former inserts. */
export function serverMetadataUrls(issuer: URL): URL[] {
  const appended = new URL(`${issuer.pathname.replace(/\/$/, '')}/.well-known/openid-configuration`, issuer.origin);
  return distinct([inserted(issuer, 'oauth-authorization-server'), inserted(issuer, 'openid-configuration'), appended]);
}
