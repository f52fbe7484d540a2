import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Catalog, type Tool } from '../catalog.js';
import { providerManifestSchema, variableNameSchema, type ProviderManifest } from '../manifest/provider-manifest.js';
import { toolFileSchema } from '../manifest/tool-definition.js';
import { ToolCompiler } from '../tool/compile-tool.js';
import { ConnectorError } from './connector-error.js';
import { fillVariables } from './fill-variables.js';
import { YamlFile } from './yaml-file.js';

/** Values of the variables that connectors declare: connector name → variable → value. */
export type ConnectorVariables = Readonly<Record<string, Readonly<Record<string, string>>>>;

const MANIFEST = 'connector.yaml';
const TOOLS = 'tools.yaml';

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/**
 * Loads every `<dir>/<connector>/connector.yaml`, with `tools.yaml` where there is one. Other folders, and hidden ones, are passed over.
 * @throws ConnectorError that names file, line and JSON Pointer of everything wrong in the first file that is
 */
export function loadCatalog(dir: string, variables: ConnectorVariables): Catalog {
  const folders = listConnectors(dir);
  const unknown = Object.keys(variables).find((name) => !folders.includes(name));
  if (unknown !== undefined) throw problem(dir, `variables are set for the connector "${unknown}", which is not here`);
  const compiler = new ToolCompiler();
  const tools = new Map<string, Tool>();
  const providers = new Map<string, ProviderManifest>();
  for (const folder of folders) {
    const provider = loadManifest(join(dir, folder, MANIFEST), folder, variables[folder] ?? {});
    providers.set(provider.name, provider);
    if (!isFile(join(dir, folder, TOOLS))) continue;
    for (const tool of loadTools(join(dir, folder, TOOLS), provider, compiler, tools)) tools.set(tool.name, tool);
  }
  return new Catalog(tools, providers);
}

function listConnectors(dir: string): string[] {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw problem(dir, 'there is no such folder of connectors');
  const folders = readdirSync(dir)
    .filter((name) => !name.startsWith('.'))
    .filter((name) => isFile(join(dir, name, MANIFEST)) || isFile(join(dir, name, TOOLS)))
    .sort();
  for (const file of folders.map((name) => join(dir, name, MANIFEST))) {
    if (!isFile(file)) throw problem(file, 'the file is missing: tools need the provider that they are for');
  }
  if (folders.length === 0) throw problem(dir, 'there is no connector in this folder');
  return folders;
}

function loadManifest(path: string, folder: string, values: Readonly<Record<string, string>>): ProviderManifest {
  const file = new YamlFile(path);
  const head = file.parse(z.looseObject({ variables: z.record(variableNameSchema, z.string()).default({}) }), file.value);
  for (const name of Object.keys(head.variables)) {
    if (Object.hasOwn(values, name)) continue;
    throw file.error(
      ['variables', name],
      `the variable "${name}" (${head.variables[name]}) is not set; set it in KEYWARD_CONNECTOR_VARIABLES, as in {"${folder}":{"${name}":"…"}}`,
    );
  }
  const extra = Object.keys(values).find((name) => !Object.hasOwn(head.variables, name));
  if (extra !== undefined)
    throw file.error(['variables'], `the variable "${extra}" is set but this connector declares none of that name`);
  const filled = fillVariables(file.value, values, (place, name) => {
    throw file.error(place, `\${${name}} is not declared under variables`);
  });
  const manifest = file.parse(providerManifestSchema, filled);
  if (manifest.name !== folder) throw file.error(['name'], `the name must be that of the folder, "${folder}"`);
  return Object.freeze(manifest);
}

function loadTools(path: string, provider: ProviderManifest, compiler: ToolCompiler, known: ReadonlyMap<string, Tool>): Tool[] {
  const file = new YamlFile(path);
  const own = new Set<string>();
  return file.parse(toolFileSchema, file.value).map((definition, index) => {
    const other = own.has(definition.name) ? provider.name : known.get(definition.name)?.provider.name;
    if (other !== undefined) throw file.error([index, 'name'], `the connector "${other}" already has a tool of this name`);
    own.add(definition.name);
    return compiler.compile(definition, provider, (place, detail) => {
      throw file.error([index, ...place], detail);
    });
  });
}

function problem(file: string, detail: string): ConnectorError {
  return new ConnectorError([{ file, line: 1, pointer: '', detail }]);
}
