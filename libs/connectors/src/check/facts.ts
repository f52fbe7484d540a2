import { isDeepStrictEqual } from 'node:util';
import { jsonPointer } from '@keyward/contracts';
import { isUrlPlace } from '../manifest/places.js';
import { providerManifestSchema } from '../manifest/provider-manifest.js';

type Place = readonly PropertyKey[];

/** Where a manifest states what a provider does. The rest is ours: names, prose, bounds, what a person is shown. */
const STATED = [
  'auth',
  'refresh',
  'revocation',
  'base_url',
  'bases',
  'told_origins',
  'credential',
  'client_certificate',
  'headers',
  'query',
  'probe',
  'limits',
  'errors',
];
const OURS = [
  /^\/auth\/(?:kind|(?:user_authorization\/)?pkce_reason|label|username_label|password_label|help|registration|scopes\/descriptions)(?:\/|$)/,
  /^\/refresh\/(?:margin|minimum_margin_seconds|maximum_margin_seconds|concurrency)$/,
  /^\/limits\/max_/,
];

/**
 * Places of a manifest that state a fact about the provider: every address, and everything that is not what the standard, and so the
 * schema's default, says. Each needs a source.
 *
 * @param document connector.yaml as it was read, variables filled in; must be valid
 */
export function factsOf(document: Readonly<Record<string, unknown>>): string[] {
  const whole = providerManifestSchema.parse(document);
  const isDefault = (place: Place) => {
    const without = providerManifestSchema.safeParse(omit(document, place));
    return without.success && isDeepStrictEqual(without.data, whole);
  };
  const visit = (node: unknown, place: Place): string[] => {
    const pointer = jsonPointer(place);
    if (OURS.some((pattern) => pattern.test(pointer))) return [];
    if (isUrlPlace(place) && typeof node === 'string') return [pointer];
    if (isDefault(place)) return [];
    const members = membersOf(node);
    return members.length === 0 ? [pointer] : members.flatMap(([key, item]) => visit(item, [...place, key]));
  };
  return STATED.filter((name) => Object.hasOwn(document, name)).flatMap((name) => visit(document[name], [name]));
}

/** A list of texts is one fact; a list of steps is as many as its steps state. */
function membersOf(node: unknown): [PropertyKey, unknown][] {
  if (typeof node !== 'object' || node === null) return [];
  if (Array.isArray(node)) return node.some((item) => typeof item === 'object') ? [...node.entries()] : [];
  return Object.entries(node);
}

function omit(node: unknown, [key, ...rest]: Place): unknown {
  if (typeof node !== 'object' || node === null || key === undefined) return node;
  if (Array.isArray(node)) {
    return rest.length === 0
      ? node.filter((_item, index) => index !== key)
      : node.map((item, index) => (index === key ? omit(item, rest) : item));
  }
  const entries = Object.entries(node).filter(([name]) => rest.length > 0 || name !== key);
  return Object.fromEntries(entries.map(([name, item]) => [name, name === key ? omit(item, rest) : item]));
}
