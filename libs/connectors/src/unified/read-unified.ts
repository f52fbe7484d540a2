import { ConnectorError } from '../load/connector-error.js';
import type { YamlFile } from '../load/yaml-file.js';
import { inside } from '../request/mapping.js';
import type { ArgumentCompiler } from '../tool/compile-arguments.js';
import type { Fail } from '../tool/compile-tool.js';
import type { Tool } from '../tool/tool.js';
import { compileMapping, type CompiledMapping } from './compile-mapping.js';
import { unifiedFamilySchema, unifiedMappingsSchema, type UnifiedDefinition, type UnifiedMapping } from './unified-definition.js';
import { inputSchemaOf, outputSchemaOf } from './unified-schemas.js';
import { UnifiedTool } from './unified-tool.js';

/** A definition and where it stands. */
export interface Declaration {
  readonly definition: UnifiedDefinition;
  readonly fail: Fail;
}

/** A connector's way of it, and where it stands. */
export interface DeclaredMapping {
  readonly connector: string;
  readonly mapping: UnifiedMapping;
  readonly tool: Tool;
  readonly fail: Fail;
}

type Known<T> = ReadonlyMap<string, T>;

/** Adds what a family's file declares. @throws ConnectorError */
export function readFamily(file: YamlFile, tools: Known<Tool>, into: Map<string, Declaration>): void {
  for (const [index, definition] of file.parse(unifiedFamilySchema, file.value).entries()) {
    const fail = failAt(file, index);
    const owner = tools.get(definition.name)?.provider.name;
    if (owner !== undefined) fail(['name'], `the connector "${owner}" already has a tool of this name`);
    if (into.has(definition.name)) fail(['name'], 'there is already a unified tool of this name');
    into.set(definition.name, { definition, fail });
  }
}

/** Adds what a connector's unified.yaml maps, by the unified tool's name. @throws ConnectorError */
export function readMappings(
  file: YamlFile,
  connector: string,
  declared: Known<Declaration>,
  tools: Known<Tool>,
  into: Map<string, DeclaredMapping[]>,
): void {
  for (const [name, mapping] of Object.entries(file.parse(unifiedMappingsSchema, file.value))) {
    const fail = failAt(file, name);
    if (!declared.has(name)) fail([], `there is no unified tool "${name}"`);
    const tool = tools.get(mapping.tool);
    if (tool?.provider.name !== connector) fail(['tool'], `this connector has no tool "${mapping.tool}"`);
    else into.set(name, [...(into.get(name) ?? []), { connector, mapping, tool, fail }]);
  }
}

/** @param mappings one at least @throws ConnectorError with all that is wrong in the mappings */
export function compileUnified(
  { definition, fail }: Declaration,
  mappings: readonly DeclaredMapping[],
  args: ArgumentCompiler,
): UnifiedTool {
  const { name, title, description, effect } = definition;
  const inInput = inside('input', fail);
  const connectors = mappings.map(({ connector }) => connector);
  const compiled = args.compile(inputSchemaOf(definition, connectors, inInput), inInput);
  const outputSchema = args.checkOutput(outputSchemaOf(definition, inside('output', fail)), inside('output', fail));
  const ready = new Map<string, CompiledMapping>();
  collectProblems(mappings, ({ connector, mapping, tool, fail: failMapping }) => {
    const parts = { definition, mapping, tool, inputSchema: compiled.inputSchema, outputSchema };
    ready.set(connector, compileMapping(parts, failMapping));
  });
  return new UnifiedTool({ name, title, description, effect, outputSchema, compiled, mappings: ready });
}

/** Goes on where one fails. @throws ConnectorError with the problems of all of them */
export function collectProblems<T>(items: Iterable<T>, work: (item: T) => void): void {
  const problems = [...items].flatMap((item) => {
    try {
      work(item);
      return [];
    } catch (error) {
      if (error instanceof ConnectorError) return error.problems;
      throw error;
    }
  });
  if (problems.length > 0) throw new ConnectorError(problems);
}

function failAt(file: YamlFile, place: PropertyKey): Fail {
  return (path, detail) => {
    throw file.error([place, ...path], detail);
  };
}
