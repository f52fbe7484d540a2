import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Catalog } from '../catalog.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import { ToolCompiler } from '../tool/compile-tool.js';
import type { Tool } from '../tool/tool.js';
import { UnifiedLoader } from '../unified/load-unified.js';
import { listConnectors, problem, type ConnectorFolder } from './folder.js';
import type { Connector } from './parse-connector.js';
import { readManifest, readTools } from './read-connector.js';
import { YamlFile } from './yaml-file.js';

/** Values of the variables that connectors declare: connector name → variable → value. */
export type ConnectorVariables = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface LoadOptions {
  /**
   * Only connectors that have tools, for services that do nothing but list and call those: most of a catalog is providers to connect to,
   * and parsed manifests take memory. Of the others the names stay known, as taken.
   */
  onlyWithTools?: boolean;
  /** For services that have to do with providers alone: files of tools, which are most of a catalog, are not read. */
  manifestsOnly?: boolean;
}

interface Loaded {
  readonly hash: string;
  readonly connector: Connector;
}

/** Loads a folder of connectors, and of a folder that it has loaded before only what has changed since. */
export class CatalogLoader {
  #before: ReadonlyMap<string, Loaded> = new Map();
  readonly #unified: UnifiedLoader;

  constructor(
    private readonly dir: string,
    private readonly variables: ConnectorVariables,
    private readonly options: LoadOptions = {},
  ) {
    this.#unified = new UnifiedLoader(dir);
  }

  /** @throws ConnectorError that names file, line and JSON Pointer of everything wrong in the first file that is */
  load(): Catalog {
    const folders = listConnectors(this.dir);
    const unknown = Object.keys(this.variables).find((name) => !folders.some((folder) => folder.name === name));
    if (unknown !== undefined) throw problem(this.dir, `variables are set for the connector "${unknown}", which is not here`);
    const compiler = new ToolCompiler();
    const loaded = new Map<string, Loaded>();
    const tools = new Map<string, Tool>();
    const providers = new Map<string, ProviderManifest>();
    const wanted = this.#wanted(folders);
    for (const folder of wanted) {
      const one = this.#unchanged(folder, tools) ?? this.#read(folder, compiler, tools);
      loaded.set(folder.name, one);
      providers.set(folder.name, one.connector.manifest);
      for (const tool of one.connector.tools) tools.set(tool.name, tool);
    }
    const unified = this.options.manifestsOnly === true ? new Map<string, never>() : this.#unified.load(wanted, tools);
    this.#before = loaded;
    return new Catalog(tools, providers, new Set(folders.map(({ name }) => name)), new Map(), unified);
  }

  #wanted(folders: readonly ConnectorFolder[]): ConnectorFolder[] {
    const { onlyWithTools = false, manifestsOnly = false } = this.options;
    const wanted = folders.filter(({ tools }) => !onlyWithTools || tools.length > 0);
    return manifestsOnly ? wanted.map((folder) => ({ ...folder, tools: [], unified: undefined })) : wanted;
  }

  /** Names of tools may be taken meanwhile, which compiling would tell. */
  #unchanged(folder: ConnectorFolder, taken: ReadonlyMap<string, Tool>): Loaded | undefined {
    const before = this.#before.get(folder.name);
    if (before === undefined || before.connector.tools.some(({ name }) => taken.has(name))) return undefined;
    return before.hash === hashOf(folder) ? before : undefined;
  }

  #read(folder: ConnectorFolder, compiler: ToolCompiler, taken: ReadonlyMap<string, Tool>): Loaded {
    const hash = hashOf(folder);
    const values = Object.hasOwn(this.variables, folder.name) ? this.variables[folder.name] : undefined;
    const manifest = readManifest(YamlFile.read(folder.manifest), folder.name, values ?? {});
    const files = folder.tools.map((file) => YamlFile.read(file));
    const tools = readTools(files, manifest, compiler, taken);
    return { hash, connector: { manifest, tools } };
  }
}

function hashOf({ manifest, tools }: ConnectorFolder): string {
  const hash = createHash('sha256');
  for (const file of [manifest, ...tools]) hash.update(`${file}\0`).update(readFileSync(file));
  return hash.digest('base64');
}
