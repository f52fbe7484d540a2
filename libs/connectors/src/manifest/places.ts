type Place = readonly PropertyKey[];

/** Members that are addresses, at any depth. */
const URL_MEMBER = /^(?:issuer|resource|base_url|installation_url|endpoint|[a-z_]+_endpoint)$/;
/** Members that say something about the manifest and are sent nowhere. */
const PROSE = new Set<PropertyKey>([
  'app_parameters',
  'connection_parameters',
  'description',
  'documentation',
  'sources',
  'title',
  'variables',
]);

export function isUrlPlace(place: Place): boolean {
  return place[0] === 'origins' || place[0] === 'bases' || URL_MEMBER.test(String(place.at(-1)));
}

/** Every text that a request may be made of, with where it stands. */
export function* textsOf(node: unknown, place: Place = []): Generator<[Place, string]> {
  if (typeof node === 'string') yield [place, node];
  if (typeof node !== 'object' || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if (place.length === 0 && PROSE.has(key)) continue;
    yield* textsOf(value, [...place, Array.isArray(node) ? Number(key) : key]);
  }
}
