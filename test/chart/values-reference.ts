import { readFileSync } from 'node:fs';

interface Schema {
  description?: string;
  type?: string | string[];
  enum?: (string | number | null)[];
  const?: unknown;
  properties?: Record<string, Schema>;
  allOf?: Schema[];
  $ref?: string;
}

type Values = Record<string, unknown>;

const isObject = (value: unknown): value is Values => typeof value === 'object' && value !== null && !Array.isArray(value);
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Rows for every value, in the order of the schema: its path, what is in values.yaml, and what the schema says of it. */
function rows(schema: Schema, root: { definitions: Record<string, Schema> }, values: unknown, path: string): string[] {
  const reference = schema.allOf?.[0]?.$ref ?? schema.$ref;
  const meant = reference === undefined ? schema : root.definitions[reference.replace('#/definitions/', '')];
  // The services take what `defaults` takes, and that is described once.
  const once = reference === '#/definitions/service' && path !== 'defaults';
  if (meant?.properties === undefined || once || values === undefined) {
    const given = values === undefined ? '' : `\`${cell(JSON.stringify(values))}\``;
    return [`| \`${path}\` | ${given.length > 60 ? 'see values.yaml' : given} | ${cell(schema.description ?? '')} |`];
  }
  return Object.entries(meant.properties).flatMap(([name, property]) =>
    rows(property, root, isObject(values) ? values[name] : undefined, path === '' ? name : `${path}.${name}`),
  );
}

/** The table of helm/keyward/README.md. */
export function valuesTable(schemaFile: string, values: unknown): string {
  const schema = JSON.parse(readFileSync(schemaFile, 'utf8')) as Schema & { definitions: Record<string, Schema> };
  const { global: _helms, ...properties } = schema.properties ?? {};
  const table = rows({ ...schema, properties }, schema, values, '');
  return ['| value | default | what it does |', '| --- | --- | --- |', ...table].join('\n');
}
