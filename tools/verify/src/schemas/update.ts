import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import yaml from 'yaml';
import type { Go } from '../toolbox/go.js';
import { lastWords, run } from '../toolbox/run.js';
import { CRDS, KUBERNETES, NATIVE_KINDS, type CrdSource, type SchemaSource } from './catalog.js';
import type { KubernetesSchemas, Origin, StoredCrds, StoredRelease } from './stored.js';
import type { Schema } from './strict.js';

interface Downloaded {
  origin: Origin;
  directory: string;
}

interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

interface CustomResourceDefinition {
  kind?: string;
  spec?: {
    group: string;
    names: { kind: string };
    versions: { name: string; served: boolean; schema?: { openAPIV3Schema?: Schema } }[];
  };
}

/** Takes the schemas anew from the modules that the catalog names. Go checks each module against its checksum database. */
export async function updateSchemas(directory: string, go: Go, say: (line: string) => void): Promise<void> {
  let previous: { minor: string; schemas: KubernetesSchemas } | undefined;
  rmSync(directory, { recursive: true, force: true });
  for (const [minor, version] of Object.entries(KUBERNETES)) {
    say(`k8s.io/kubernetes ${version}`);
    const schemas = kubernetesSchemas(await download(go, { module: 'k8s.io/kubernetes', version }));
    write(join(directory, 'kubernetes', `${minor}.json`), differenceOf(schemas, previous));
    previous = { minor, schemas };
  }
  for (const [name, source] of Object.entries(CRDS)) {
    say(`${source.module} ${source.version}`);
    write(join(directory, 'crds', `${name}.json`), crdSchemas(await download(go, source), source));
  }
}

async function download(go: Go, { module, version }: SchemaSource): Promise<Downloaded> {
  const done = await run(go.command, ['mod', 'download', '-json', `${module}@${version}`], { env: { GOWORK: 'off' } });
  if (done.code !== 0) throw new Error(`${module} ${version}: ${lastWords(done)}`);
  const { Sum, Dir } = JSON.parse(done.stdout) as { Sum: string; Dir: string };
  return { origin: { module, version, sum: Sum }, directory: Dir };
}

function kubernetesSchemas({ origin, directory }: Downloaded): KubernetesSchemas {
  const text = readFileSync(join(directory, 'api/openapi-spec/swagger.json'), 'utf8');
  const { definitions: all } = JSON.parse(text) as { definitions: Record<string, Schema> };
  const kinds: Record<string, string> = {};
  const definitions: Record<string, Schema> = {};
  for (const [name, schema] of Object.entries(all)) {
    const [gvk] = (schema['x-kubernetes-group-version-kind'] as GroupVersionKind[] | undefined) ?? [];
    if (gvk === undefined) continue;
    const kind = [gvk.group, gvk.version, gvk.kind].filter((part) => part !== '').join('/');
    if (!(NATIVE_KINDS as readonly string[]).includes(kind)) continue;
    kinds[kind] = name;
    definitions[name] = withoutStatus(schema);
  }
  const missing = NATIVE_KINDS.filter((kind) => kinds[kind] === undefined);
  if (missing.length > 0) throw new Error(`${origin.version} has no ${missing.join(', ')}.`);
  followReferences(all, definitions);
  return { from: origin, kinds: sorted(kinds), definitions: sorted(mapValues(definitions, withoutProse)) };
}

/** What a controller writes and no manifest may. */
function withoutStatus(schema: Schema): Schema {
  const { status: _status, ...properties } = (schema['properties'] ?? {}) as Schema;
  return { ...schema, properties };
}

function followReferences(all: Record<string, Schema>, into: Record<string, Schema>): void {
  const open = Object.values(into);
  for (let schema = open.pop(); schema !== undefined; schema = open.pop()) {
    for (const [, name = ''] of JSON.stringify(schema).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)) {
      const referred = all[name];
      if (referred === undefined || into[name] !== undefined) continue;
      into[name] = referred;
      open.push(referred);
    }
  }
}

function crdSchemas({ origin, directory }: Downloaded, { files, kinds }: CrdSource): StoredCrds {
  const schemas: Record<string, Schema> = {};
  for (const file of files) {
    for (const document of yaml.parseAllDocuments(readFileSync(join(directory, file), 'utf8'))) {
      const { kind, spec } = (document.toJSON() ?? {}) as CustomResourceDefinition;
      if (kind !== 'CustomResourceDefinition' || spec === undefined || !kinds.includes(spec.names.kind)) continue;
      for (const version of spec.versions) {
        const schema = version.schema?.openAPIV3Schema;
        if (version.served && schema !== undefined)
          schemas[`${spec.group}/${version.name}/${spec.names.kind}`] = withoutProse(withoutStatus(schema));
      }
    }
  }
  const missing = kinds.filter((kind) => !Object.keys(schemas).some((found) => found.endsWith(`/${kind}`)));
  if (missing.length > 0) throw new Error(`${origin.module} ${origin.version} has no ${missing.join(', ')}.`);
  return { from: origin, schemas: sorted(schemas) };
}

const PROSE = ['description', 'default', 'x-kubernetes-validations', 'x-kubernetes-map-type'];
const isProse = (keyword: string): boolean => PROSE.includes(keyword) || /^x-kubernetes-(patch|list)-/.test(keyword);

/** Descriptions are nine tenths of the text, and rules in CEL (`x-kubernetes-validations`) are for a server to judge. */
function withoutProse(schema: Schema): Schema {
  const entries = Object.entries(schema).filter(([keyword]) => !isProse(keyword));
  return Object.fromEntries(entries.map(([keyword, value]) => [keyword, cleanKeyword(keyword, value)]));
}

function cleanKeyword(keyword: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  // The names under it are fields, and a field may be called `default`.
  if (keyword === 'properties') return mapValues(value as Record<string, Schema>, withoutProse);
  if (!['items', 'additionalProperties', 'not', 'allOf', 'anyOf', 'oneOf'].includes(keyword)) return value;
  return Array.isArray(value) ? value.map(withoutProse) : withoutProse(value as Schema);
}

function differenceOf(
  schemas: KubernetesSchemas,
  previous: { minor: string; schemas: KubernetesSchemas } | undefined,
): StoredRelease {
  if (previous === undefined) return { base: null, ...schemas, removed: [] };
  const before = previous.schemas.definitions;
  const changed = Object.entries(schemas.definitions).filter(
    ([name, schema]) => JSON.stringify(schema) !== JSON.stringify(before[name]),
  );
  const removed = Object.keys(before).filter((name) => schemas.definitions[name] === undefined);
  return { base: previous.minor, ...schemas, definitions: Object.fromEntries(changed), removed };
}

/** One schema on a line: small, and still something to diff. */
function write(file: string, content: StoredRelease | StoredCrds): void {
  mkdirSync(join(file, '..'), { recursive: true });
  const entry = ([key, value]: [string, unknown]): string => {
    const isMap = key === 'definitions' || key === 'schemas';
    const lines = Object.entries(value ?? {}).map(([name, inner]) => `    ${JSON.stringify(name)}: ${JSON.stringify(inner)}`);
    return `  ${JSON.stringify(key)}: ${isMap ? `{\n${lines.join(',\n')}\n  }` : JSON.stringify(value)}`;
  };
  writeFileSync(file, `{\n${Object.entries(content).map(entry).join(',\n')}\n}\n`);
}

function sorted<Value>(record: Record<string, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function mapValues<Value, Result>(record: Record<string, Value>, map: (value: Value) => Result): Record<string, Result> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
