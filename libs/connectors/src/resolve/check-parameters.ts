import { KeywardError } from '@keyward/contracts';
import type { AppParameter, ConnectionParameter } from '../manifest/parameters.js';
import { hasAuth, type ProviderManifest } from '../manifest/provider-manifest.js';
import { normalise, problemOf } from './parameter-types.js';
import { isLoopbackManifest } from './loopback.js';

/** Whom connection parameters were taken from: the person, the redirect back to us, or the token response. */
export type ParameterSource = 'input' | 'callback' | 'token_response';

type Declared = Readonly<Record<string, AppParameter>>;

const IDENTIFIER = { title: '', description: '', type: 'identifier', required: true } as const;

/** What a kind of grant brings with it: declared by nobody, filled like the others. */
export function declaredConnectionParameters(manifest: ProviderManifest): Readonly<Record<string, ConnectionParameter>> {
  if (hasAuth(manifest, 'app_installation')) {
    const source = { callback: manifest.auth.installation_parameter };
    return { installation_id: { ...IDENTIFIER, source }, ...manifest.connection_parameters };
  }
  if (hasAuth(manifest, 'signed_jwt')) {
    // With a separator it stands before the key, and is known once that has been read.
    const source = manifest.auth.key_id_separator === undefined ? ('input' as const) : { token_response: '/key_id' };
    return { key_id: { ...IDENTIFIER, required: false, source }, ...manifest.connection_parameters };
  }
  return manifest.connection_parameters;
}

/**
 * The parameters of a connection that come from this source, checked by their declared type, defaults filled in.
 *
 * @param given parameter name → value; what the source answered, already read from where the manifest says
 * @throws KeywardError `invalid_request` with a pointer `/parameters/<name>` to each that is wrong, missing or not expected
 */
export function checkConnectionParameters(
  manifest: ProviderManifest,
  given: Readonly<Record<string, unknown>>,
  source: ParameterSource,
): Record<string, string> {
  const ofSource = Object.entries(declaredConnectionParameters(manifest)).filter(([, one]) => sourceOf(one) === source);
  return check(manifest, Object.fromEntries(ofSource), given);
}

/**
 * The parameters of a provider app, checked by their declared type, defaults filled in.
 * @throws KeywardError `invalid_request` with a pointer `/parameters/<name>` to each that is wrong, missing or not expected
 */
export function checkAppParameters(manifest: ProviderManifest, given: Readonly<Record<string, unknown>>): Record<string, string> {
  return check(manifest, manifest.app_parameters, given);
}

export function sourceOf({ source }: ConnectionParameter): ParameterSource {
  if (source === 'input') return 'input';
  return 'callback' in source ? 'callback' : 'token_response';
}

function check(manifest: ProviderManifest, declared: Declared, given: Readonly<Record<string, unknown>>): Record<string, string> {
  const around = { loopback: isLoopbackManifest(manifest) };
  const errors = Object.keys(given)
    .filter((name) => !Object.hasOwn(declared, name))
    .slice(0, 20)
    .map((name) => ({ pointer: pointerTo(name.slice(0, 64)), detail: 'is not a parameter of this provider' }));
  const values: Record<string, string> = {};
  for (const [name, one] of Object.entries(declared)) {
    const value = valueOf(given, name) ?? one.default;
    if (value === undefined) {
      if (one.required) errors.push({ pointer: pointerTo(name), detail: 'is required' });
      continue;
    }
    const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
    const normal = typeof text === 'string' ? normalise(one.type, text) : undefined;
    const problem = normal === undefined ? 'must be a text' : problemOf(one, normal, around);
    if (problem !== undefined) errors.push({ pointer: pointerTo(name), detail: problem });
    else values[name] = normal as string;
  }
  if (errors.length > 0) throw invalidParameters(errors);
  return values;
}

/** An empty field of a form is one that was not filled in. */
function valueOf(given: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = Object.hasOwn(given, name) ? given[name] : undefined;
  return value === null || value === '' ? undefined : value;
}

function pointerTo(name: string): string {
  return `/parameters/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export function invalidParameters(errors: { pointer: string; detail: string }[]): KeywardError {
  const where = errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ');
  return new KeywardError('invalid_request', `The parameters are not valid (${where}).`, { details: { errors } });
}
