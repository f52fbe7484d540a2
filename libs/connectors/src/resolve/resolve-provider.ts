import { KeywardError } from '@keyward/contracts';
import { LRUCache } from 'lru-cache';
import { isUrlPlace, textsOf } from '../manifest/places.js';
import { FILLED_BEFOREHAND } from '../manifest/template.js';
import { providerManifestSchema, type ProviderManifest } from '../manifest/provider-manifest.js';
import { declaredConnectionParameters, invalidParameters, sourceOf } from './check-parameters.js';
import { problemOf } from './parameter-types.js';
import { isLoopbackManifest } from './loopback.js';

/** What late references are filled with. */
export interface ProviderValues {
  connection?: Readonly<Record<string, string>>;
  app?: Readonly<Record<string, string>>;
  clientId?: string;
}

/** Each is a manifest of some kilobytes; the bound is some megabytes. */
const MAX_RESOLVED = 2_000;
const resolved = new LRUCache<string, ProviderManifest>({ max: MAX_RESOLVED });
/** RFC 6749 appendix A.1: a client identifier is visible ASCII and spaces. */
const CLIENT_ID = /^[\x20-\x7e]{1,2000}$/;

let numbered = 0;
const references = new WeakMap<ProviderManifest, { id: number; names: readonly string[] }>();
const withServerOfConnection = new WeakSet<ProviderManifest>();

/**
 * The manifest with `${connection.*}`, `${app.*}` and `${client.id}` filled in and every address checked again, by the rules of the
 * manifest itself. References to the secret, to tokens and to keys stay for the moment of use; so do a connection's parameters that
 * the provider itself states (redirect, token response) while it has not stated them, and `${client.id}` while there is no client.
 *
 * @returns the manifest itself where it has nothing to fill
 * @throws KeywardError `invalid_request` where a value is missing, is not of its declared type, or leads elsewhere
 */
export function resolveProvider(manifest: ProviderManifest, values: ProviderValues): ProviderManifest {
  const { id, names } = referencesOf(manifest);
  if (names.length === 0) return manifest;
  const fillings = names.map((name) => [name, valueOf(manifest, name, values)] as const);
  const key = JSON.stringify([id, fillings]);
  const before = resolved.get(key);
  if (before !== undefined) return before;
  const filled = fill(manifest, checked(manifest, fillings));
  if (isServerNamed(manifest)) withServerOfConnection.add(filled);
  resolved.set(key, filled);
  return filled;
}

/** Whether a connection's parameters name the host that issues tokens: what it says is then said of that connection, and of no other. */
export function hasServerOfConnection(resolvedProvider: ProviderManifest): boolean {
  return withServerOfConnection.has(resolvedProvider);
}

const ISSUING = new Set<PropertyKey | undefined>(['token_endpoint', 'device_authorization_endpoint', 'endpoint']);
const NAMED_BY_CONNECTION = /^(?:https?:\/\/)?[^/?#]*\$\{connection\./;

function isServerNamed({ auth, refresh }: ProviderManifest): boolean {
  return [...textsOf({ auth, refresh })].some(([place, text]) => ISSUING.has(place.at(-1)) && NAMED_BY_CONNECTION.test(text));
}

function referencesOf(manifest: ProviderManifest): { id: number; names: readonly string[] } {
  let found = references.get(manifest);
  if (found === undefined) {
    const names = new Set<string>();
    for (const [, text] of textsOf(manifest)) for (const [, name] of text.matchAll(FILLED_BEFOREHAND)) names.add(name as string);
    found = { id: ++numbered, names: [...names].sort() };
    references.set(manifest, found);
  }
  return found;
}

/** @param name such as `connection.subdomain` */
function valueOf(manifest: ProviderManifest, name: string, { connection, app, clientId }: ProviderValues): string | undefined {
  if (name === 'client.id') return clientId;
  const [group, parameter] = split(name);
  const given = group === 'app' ? app : connection;
  if (given !== undefined && Object.hasOwn(given, parameter)) return given[parameter];
  return (group === 'app' ? manifest.app_parameters : declaredConnectionParameters(manifest))[parameter]?.default;
}

/** @throws KeywardError `invalid_request` with a pointer to each value that is missing or not what its declaration says */
function checked(manifest: ProviderManifest, fillings: readonly (readonly [string, string | undefined])[]): Map<string, string> {
  const around = { loopback: isLoopbackManifest(manifest) };
  const connection = declaredConnectionParameters(manifest);
  const errors: { pointer: string; detail: string }[] = [];
  const values = new Map<string, string>();
  for (const [name, value] of fillings) {
    const [group, parameter] = split(name);
    const pointer = `/parameters/${parameter}`;
    if (value === undefined) {
      const comesLater =
        name === 'client.id' || (group === 'connection' && connection[parameter] && isStatedByProvider(connection[parameter]));
      if (!comesLater) errors.push({ pointer, detail: 'is required' });
      continue;
    }
    const declared = group === 'app' ? manifest.app_parameters[parameter] : connection[parameter];
    const fits = name === 'client.id' ? clientIdProblem(value) : declared && problemOf(declared, value, around);
    if (fits !== undefined) errors.push({ pointer: name === 'client.id' ? '/clientId' : pointer, detail: fits });
    values.set(name, value);
  }
  if (errors.length > 0) throw invalidParameters(errors);
  return values;
}

function isStatedByProvider(declared: Parameters<typeof sourceOf>[0]): boolean {
  return sourceOf(declared) !== 'input';
}

function clientIdProblem(value: string): string | undefined {
  return CLIENT_ID.test(value) && !value.includes('${') ? undefined : 'must be printable ASCII, without ${';
}

function fill(manifest: ProviderManifest, values: ReadonlyMap<string, string>): ProviderManifest {
  const { app_parameters, connection_parameters, ...rest } = manifest;
  const parsed = providerManifestSchema.safeParse({
    app_parameters,
    connection_parameters,
    ...(fillTexts(rest, values, []) as object),
  });
  if (!parsed.success) throw leadsElsewhere(parsed.error);
  for (const [place, text] of textsOf(parsed.data)) {
    if (isUrlPlace(place) && !text.includes('${') && !isAsTheParserWritesIt(text)) throw leadsElsewhere(place);
  }
  return Object.freeze(parsed.data);
}

function fillTexts(node: unknown, values: ReadonlyMap<string, string>, place: readonly PropertyKey[]): unknown {
  if (typeof node === 'string') return fillText(node, values, isUrlPlace(place));
  if (Array.isArray(node)) return node.map((item, index) => fillTexts(item, values, [...place, index]));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, fillTexts(item, values, [...place, key])]));
}

/** In an address a value is encoded, so that it stays where it was put. Hosts have nothing that would be. */
function fillText(text: string, values: ReadonlyMap<string, string>, isUrl: boolean): string {
  const isAddress = isUrl || /^https?:\/\//i.test(text);
  return text.replace(FILLED_BEFOREHAND, (reference, name: string, offset: number) => {
    const value = values.get(name);
    if (value === undefined) return reference;
    // What an address begins with is a whole origin.
    return isAddress && offset > 0 ? encodeURIComponent(value) : value;
  });
}

/** Nothing to normalise means nothing to misread: no dot segments, no odd spelling of the host. */
function isAsTheParserWritesIt(text: string): boolean {
  const { origin, pathname } = new URL(text);
  const path = text.slice(origin.length).split(/[?#]/, 1)[0];
  return text.startsWith(origin) && (path === pathname || path === '');
}

function leadsElsewhere(cause: unknown): KeywardError {
  return new KeywardError('invalid_request', 'The parameters of this provider lead to an address that it may not have.', {
    cause,
  });
}

function split(name: string): [string, string] {
  const dot = name.indexOf('.');
  return [name.slice(0, dot), name.slice(dot + 1)];
}
