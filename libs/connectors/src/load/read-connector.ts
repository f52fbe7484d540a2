import { z } from 'zod';
import type { Tool } from '../tool/tool.js';
import { providerManifestSchema, variableNameSchema, type ProviderManifest } from '../manifest/provider-manifest.js';
import { toolFileSchema, type ToolDefinition } from '../manifest/tool-definition.js';
import { checkFixedParts } from '../request/fixed-parts.js';
import { isLoopbackManifest } from '../resolve/loopback.js';
import { problemOf } from '../resolve/parameter-types.js';
import { checkCompensation } from '../tool/check-compensation.js';
import type { Fail, ToolCompiler } from '../tool/compile-tool.js';
import { ConnectorError, type ConnectorProblem } from './connector-error.js';
import { fillVariables } from './fill-variables.js';
import type { YamlFile } from './yaml-file.js';

const head = z.looseObject({ variables: z.record(variableNameSchema, z.string()).default({}) });

/** What connector.yaml asks the deployment for: variable → what it is. */
export function declaredVariables(file: YamlFile): Readonly<Record<string, string>> {
  return file.parse(head, file.value).variables;
}

/** @throws ConnectorError with every problem of the manifest that can be told at once */
export function readManifest(file: YamlFile, folder: string, values: Readonly<Record<string, string>>): ProviderManifest {
  const variables = declaredVariables(file);
  for (const name of Object.keys(variables)) {
    if (Object.hasOwn(values, name)) continue;
    throw file.error(
      ['variables', name],
      `the variable "${name}" (${variables[name]}) is not set; set it in KEYWARD_CONNECTOR_VARIABLES, as in {"${folder}":{"${name}":"…"}}`,
    );
  }
  const extra = Object.keys(values).find((name) => !Object.hasOwn(variables, name));
  if (extra !== undefined)
    throw file.error(['variables'], `the variable "${extra}" is set but this connector declares none of that name`);
  const manifest = parseManifest(file, values);
  if (manifest.name !== folder) throw file.error(['name'], `the name must be that of the folder, "${folder}"`);
  return manifest;
}

export function parseManifest(file: YamlFile, values: Readonly<Record<string, string>>): ProviderManifest {
  const filled = fillVariables(file.value, values, (place, name) => {
    throw file.error(place, `\${${name}} is not declared under variables`);
  });
  const manifest = file.parse(providerManifestSchema, filled);
  checkFixedParts(manifest, (place, detail) => {
    throw file.error(place, detail);
  });
  checkDefaults(manifest, (place, detail) => {
    throw file.error(place, detail);
  });
  return Object.freeze(manifest);
}

/** What a manifest itself proposes for a parameter must be what it asks of others. */
function checkDefaults(manifest: ProviderManifest, fail: (place: readonly PropertyKey[], detail: string) => never): void {
  const around = { loopback: isLoopbackManifest(manifest) };
  for (const group of ['connection_parameters', 'app_parameters'] as const) {
    for (const [name, declared] of Object.entries(manifest[group])) {
      const problem = declared.default === undefined ? undefined : problemOf(declared, declared.default, around);
      if (problem !== undefined) fail([group, name, 'default'], problem);
    }
  }
}

/** A tool as one of the files says it. */
interface Entry {
  readonly definition: ToolDefinition;
  readonly fail: Fail;
}

/**
 * @param files of one connector: their tools may refer to each other
 * @param known tools of other connectors: their names are taken
 * @throws ConnectorError with the first problem of every tool that has one
 */
export function readTools(
  files: readonly YamlFile[],
  provider: ProviderManifest,
  compiler: ToolCompiler,
  known: ReadonlyMap<string, Tool>,
): Tool[] {
  const entries = files.flatMap((file) => entriesOf(file));
  const names = new Set<string>();
  const tools = new Map<string, Tool>();
  const problems = problemsOf(entries, ({ definition, fail }) => {
    const other = names.has(definition.name) ? provider.name : known.get(definition.name)?.provider.name;
    if (other !== undefined) fail(['name'], `the connector "${other}" already has a tool of this name`);
    names.add(definition.name);
    tools.set(definition.name, compiler.compile(definition, provider, fail));
  });
  if (problems.length > 0) throw new ConnectorError(problems);
  const contradictions = problemsOf(entries, ({ definition, fail }) => checkCompensation(definition, tools, fail));
  if (contradictions.length > 0) throw new ConnectorError(contradictions);
  return [...tools.values()];
}

function entriesOf(file: YamlFile): Entry[] {
  return file.parse(toolFileSchema, file.value).map((definition, index) => ({
    definition,
    fail: (place, detail) => {
      throw file.error([index, ...place], detail);
    },
  }));
}

function problemsOf(entries: readonly Entry[], work: (entry: Entry) => void): ConnectorProblem[] {
  const problems: ConnectorProblem[] = [];
  for (const entry of entries) {
    try {
      work(entry);
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      problems.push(...error.problems);
    }
  }
  return problems;
}
