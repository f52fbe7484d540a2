import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SchemaSource } from './catalog.js';
import { strict, type Schema } from './strict.js';

export interface Origin extends SchemaSource {
  /** As in `go.sum`: `h1:…`. */
  sum: string;
}

/** What of a Kubernetes release is used. `kinds` leads from `group/version/Kind` to a definition. */
export interface KubernetesSchemas {
  from: Origin;
  kinds: Record<string, string>;
  definitions: Record<string, Schema>;
}

/** On disk a release holds only what differs from the one before it; that is little, and a diff of two releases can be read. */
export interface StoredRelease extends KubernetesSchemas {
  base: string | null;
  removed: string[];
}

export interface StoredCrds {
  from: Origin;
  /** `group/version/Kind` to the schema of the whole object. */
  schemas: Record<string, Schema>;
}

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const METADATA = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** @param releases by minor version, each with its `base` before it */
export function assembleRelease(releases: ReadonlyMap<string, StoredRelease>, minor: string): KubernetesSchemas {
  const stored = releases.get(minor);
  if (stored === undefined) throw new Error(`There are no schemas of Kubernetes ${minor}.`);
  const base = stored.base === null ? {} : assembleRelease(releases, stored.base).definitions;
  const kept = Object.entries(base).filter(([name]) => !stored.removed.includes(name));
  const definitions = { ...Object.fromEntries(kept), ...stored.definitions };
  return { from: stored.from, kinds: stored.kinds, definitions };
}

export function readReleases(directory: string): Map<string, StoredRelease> {
  const files = readdirSync(join(directory, 'kubernetes')).filter((name) => name.endsWith('.json'));
  return new Map(
    files.map((name) => [
      name.slice(0, -'.json'.length),
      JSON.parse(readFileSync(join(directory, 'kubernetes', name), 'utf8')) as StoredRelease,
    ]),
  );
}

export function readCrds(directory: string): StoredCrds[] {
  return readdirSync(join(directory, 'crds'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(directory, 'crds', name), 'utf8')) as StoredCrds);
}

/** What a cluster with all of these says that it has: `group/version` and `group/version/Kind`, as `helm --api-versions` takes them. */
export function apiVersionsOf(crds: readonly StoredCrds[]): string[] {
  const kinds = crds.flatMap(({ schemas }) => Object.keys(schemas));
  return [...new Set(kinds.map((kind) => kind.slice(0, kind.lastIndexOf('/')))), ...kinds];
}

/** kubeconform's names: `<group or v1>/<kind>_<version>.json`. */
export const SCHEMA_LOCATION = '{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json';

function fileOf(kind: string): string {
  const parts = kind.toLowerCase().split('/');
  const [group = '', version = '', name = ''] = parts.length === 2 ? [parts[0], parts[0], parts[1]] : parts;
  return `${group}/${name}_${version}.json`;
}

/** Writes one self-contained schema for each kind, for kubeconform to find by `SCHEMA_LOCATION`. */
export function writeSchemas(directory: string, release: KubernetesSchemas, crds: readonly StoredCrds[]): void {
  const definitions = Object.fromEntries(
    Object.entries(release.definitions).map(([name, schema]) => [
      name,
      name === QUANTITY ? { type: ['string', 'number'] } : strict(schema),
    ]),
  );
  const write = (kind: string, schema: Schema): void => {
    const file = join(directory, fileOf(kind));
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, JSON.stringify({ ...schema, definitions }));
  };
  for (const [kind, name] of Object.entries(release.kinds)) write(kind, { allOf: [{ $ref: `#/definitions/${name}` }] });
  for (const { schemas } of crds) {
    for (const [kind, schema] of Object.entries(schemas)) {
      const converted = strict(schema);
      const properties = { ...(converted['properties'] as Schema), metadata: { $ref: `#/definitions/${METADATA}` } };
      write(kind, { ...converted, properties });
    }
  }
}
