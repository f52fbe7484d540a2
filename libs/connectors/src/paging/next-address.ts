import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest } from '../manifest/provider-manifest.js';

/** What an address of a next page says: parameters that it adds to the request that was sent, or a path as declared and all that is asked there. */
export interface LinkedPage {
  readonly query: readonly (readonly [string, string])[];
  /** Below the base. */
  readonly path?: string;
}

const MAX_LENGTH = 8_192;

interface Around {
  /** As it was sent. */
  url: string;
  /** The base that its path is below. */
  base: string;
  provider: ProviderManifest;
  /** Declared form of another path, see manifest/pagination.ts. */
  path: string | undefined;
}

/**
 * Reads the address of a next page. It is not followed as it is: a request with the credential goes where the tool says, and of the
 * address only what it adds counts. That also holds of a cursor that somebody makes up out of it.
 *
 * @throws KeywardError `provider_error` where it leads elsewhere
 */
export function linkedPage(address: string, { url, base, provider, path }: Around): LinkedPage {
  if (address.length > MAX_LENGTH || !URL.canParse(address, url)) throw elsewhere();
  const [next, sent, below] = [new URL(address, url), new URL(url), new URL(base)];
  const prefix = below.pathname.replace(/\/$/, '');
  if (next.origin !== below.origin || !next.pathname.startsWith(`${prefix}/`) || next.username !== '' || next.password !== '')
    throw elsewhere();
  const given = [...next.searchParams].filter(([name]) => !isSecret(name, provider));
  const own = next.pathname.slice(prefix.length);
  if (path !== undefined && isOfForm(own, path)) return { query: given, path: own };
  const ofOurs = new Set([...sent.searchParams.keys()]);
  const added = given.filter(([name]) => !ofOurs.has(name));
  // Without anything new it would be the same page for ever.
  if (added.length === 0) throw elsewhere();
  return { query: added };
}

/** Whether what a cursor says could have come from linkedPage. */
export function isLinkedPage(value: unknown, provider: ProviderManifest, path: string | undefined): value is LinkedPage {
  if (typeof value !== 'object' || value === null) return false;
  const { query, path: own, ...rest } = value as Record<string, unknown>;
  if (Object.keys(rest).length > 0 || !Array.isArray(query) || query.length > 50) return false;
  if (own !== undefined && (path === undefined || typeof own !== 'string' || !isOfForm(own, path))) return false;
  return query.every(
    (pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isText) && !isSecret(pair[0] as string, provider),
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed();
}

/** Some providers write the token into the address (RFC 6750 section 2.3): a cursor must not carry it out. */
function isSecret(name: string, { credential, query }: ProviderManifest): boolean {
  return (credential.in === 'query' && credential.name === name) || Object.hasOwn(query, name) || name === 'access_token';
}

const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9\-._~!$&'()*+,;=:@]+$/;

function isOfForm(path: string, form: string): boolean {
  const [segments, wanted] = [path.split('/'), form.split('/')];
  return (
    segments.length === wanted.length &&
    wanted.every((text, index) => (text === '{}' ? SEGMENT.test(segments[index] ?? '') : text === segments[index]))
  );
}

function elsewhere(): KeywardError {
  return new KeywardError('provider_error', 'The provider names a next page that lies outside of what this tool may reach.');
}

/** RFC 8288 section 3: the target of the link whose relation is `next`. */
export function nextLink(header: string | undefined): string | undefined {
  for (const [, target, parameters = ''] of (header ?? '').slice(0, MAX_LENGTH).matchAll(/<([^<>]*)>([^<]*)/g)) {
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters);
    const relations = (relation?.[1] ?? relation?.[2] ?? '').toLowerCase().split(/\s+/);
    if (relations.includes('next')) return target;
  }
  return undefined;
}
