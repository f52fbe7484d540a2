const RELATION = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i;

/**
 * Where a `Link` field leads on to (RFC 8288 section 3).
 * @param link the field's value; null where there is none
 * @param base what a relative target is relative to
 * @returns undefined where there is no next page; what is no URL is returned as it stands
 */
export function nextPage(link: string | null, base: string): string | undefined {
  for (const part of (link ?? '').split('<').slice(1)) {
    const end = part.indexOf('>');
    if (end < 0) continue;
    const [, quoted, plain] = RELATION.exec(part.slice(end + 1)) ?? [];
    const relations = (quoted ?? plain ?? '').toLowerCase().split(/\s+/);
    if (!relations.includes('next')) continue;
    const target = part.slice(0, end).trim();
    return URL.parse(target, base)?.href ?? target;
  }
  return undefined;
}
