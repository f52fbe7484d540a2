import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectorFolder } from '../load/folder.js';
import { YamlFile } from '../load/yaml-file.js';
import { ArgumentCompiler } from '../tool/compile-arguments.js';
import type { Tool } from '../tool/tool.js';
import {
  collectProblems,
  compileUnified,
  readFamily,
  readMappings,
  type Declaration,
  type DeclaredMapping,
} from './read-unified.js';
import { listFamilies } from './unified-files.js';
import type { UnifiedTool } from './unified-tool.js';

/** By name. */
export type UnifiedTools = ReadonlyMap<string, UnifiedTool>;

type Mapper = Pick<ConnectorFolder, 'name' | 'unified'>;

/**
 * The unified tools that connectors of a folder have a tool for. Where the folder declares none, what its connectors map is passed over.
 *
 * @param connectors those that are loaded, and `tools` theirs
 * @throws ConnectorError
 */
export function loadUnified(dir: string, connectors: readonly Mapper[], tools: ReadonlyMap<string, Tool>): UnifiedTools {
  const families = listFamilies(dir);
  if (families.length === 0) return new Map();
  const declared = new Map<string, Declaration>();
  collectProblems(families, (path) => readFamily(YamlFile.read(path), tools, declared));
  const mapped = new Map<string, DeclaredMapping[]>();
  collectProblems(connectors, ({ name, unified }) => {
    if (unified !== undefined) readMappings(YamlFile.read(unified), name, declared, tools, mapped);
  });
  const args = new ArgumentCompiler();
  const compiled = new Map<string, UnifiedTool>();
  collectProblems(declared, ([name, declaration]) => {
    const mappings = mapped.get(name);
    if (mappings !== undefined) compiled.set(name, compileUnified(declaration, mappings, args));
  });
  return compiled;
}

/** Loads them, and anew only where something that they are made of has changed. */
export class UnifiedLoader {
  #before: { readonly hash: string; readonly tools: readonly (Tool | undefined)[]; readonly unified: UnifiedTools } | undefined;

  constructor(private readonly dir: string) {}

  /** @throws ConnectorError */
  load(connectors: readonly Mapper[], tools: ReadonlyMap<string, Tool>): UnifiedTools {
    const hash = this.#hash(connectors);
    const all = [...tools.values()];
    const before = this.#before;
    const isSame =
      before?.hash === hash && before.tools.length === all.length && before.tools.every((tool, at) => tool === all[at]);
    if (isSame) return before.unified;
    const unified = loadUnified(this.dir, connectors, tools);
    this.#before = { hash, tools: all, unified };
    return unified;
  }

  #hash(connectors: readonly Mapper[]): string {
    const hash = createHash('sha256');
    const files = [...listFamilies(this.dir), ...connectors.flatMap(({ unified }) => unified ?? [])];
    for (const file of files) hash.update(`${file}\0`).update(readFileSync(file));
    return hash.digest('base64');
  }
}
