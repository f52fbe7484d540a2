import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import { encodeQuery } from './query.js';

const MAX_URL_LENGTH = 8_192;

/**
 * The last word on where the request goes: whatever the parts were, the URL parser must find the base's origin and path in front,
 * and nothing to normalise behind.
 */
export function addressBelow(base: string, path: string, query: Iterable<readonly [string, string]>): string {
  const text = base + path + encodeQuery(query);
  if (text.length > MAX_URL_LENGTH) {
    throw new KeywardError('invalid_arguments', `The arguments make an address longer than ${MAX_URL_LENGTH} characters.`);
  }
  if (!URL.canParse(text) || new URL(text).href !== text) {
    throw new KeywardError('invalid_arguments', 'The arguments make an address that leads outside of what this tool may reach.');
  }
  return text;
}

/**
 * A whole address that an answer told. It may lead where the manifest says, and is never sent the credential: who could make an
 * answer say something could else choose what the credential is used for.
 *
 * @throws KeywardError `egress_denied`
 */
export function addressTold(
  value: unknown,
  { origins, told_origins }: Pick<ProviderManifest, 'origins' | 'told_origins'>,
  query: Iterable<readonly [string, string]>,
): string {
  if (typeof value !== 'string' || value.length > MAX_URL_LENGTH || !URL.canParse(value)) throw denied('is no address');
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') throw denied('holds a user name');
  if (![...origins, ...told_origins].some((origin) => isOf(origin, url)))
    throw denied('has an origin that the connector does not name');
  for (const [name, text] of query) url.searchParams.append(name, text);
  url.hash = '';
  return url.href;
}

function isOf(origin: string, url: URL): boolean {
  const [scheme = '', domain] = origin.split('*');
  return domain === undefined ? url.origin === origin : url.origin.startsWith(scheme) && url.host.endsWith(domain);
}

function denied(detail: string): KeywardError {
  return new KeywardError('egress_denied', `The address for the next request ${detail}.`);
}
