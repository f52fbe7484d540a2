export interface BearerChallenge {
  /** RFC 9728 section 5.1. */
  resourceMetadata: string | undefined;
  /** RFC 6750 section 3. */
  scope: string | undefined;
}

const SCHEME = /(?:^|,)\s*Bearer(?=\s|,|$)/i;
/** auth-param of RFC 9110 section 11.2. */
const PARAMETER = /[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z/:-]+))/y;

/** What a `Bearer` challenge says; undefined where there is none. A parameter given twice counts as not given. */
export function readBearerChallenge(header: string | null): BearerChallenge | undefined {
  if (header === null || header.length > 8192) return undefined;
  const scheme = SCHEME.exec(header);
  if (scheme === null) return undefined;
  const found = new Map<string, string | undefined>();
  PARAMETER.lastIndex = scheme.index + scheme[0].length;
  for (let match = PARAMETER.exec(header); match !== null; match = PARAMETER.exec(header)) {
    const [, name = '', quoted, token] = match;
    const key = name.toLowerCase();
    found.set(key, found.has(key) ? undefined : (quoted?.replaceAll(/\\(.)/g, '$1') ?? token));
  }
  return { resourceMetadata: found.get('resource_metadata'), scope: found.get('scope') };
}
