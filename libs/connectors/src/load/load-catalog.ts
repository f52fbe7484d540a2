import { Catalog } from '../catalog.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import { ToolCompiler } from '../tool/compile-tool.js';
import type { Tool } from '../tool/tool.js';
import { listConnectors, problem } from './folder.js';
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
}

/**
 * Loads every `<dir>/<connector>/connector.yaml`, with `tools.yaml` where there is one. Other folders, and hidden ones, are passed over.
 * @throws ConnectorError that names file, line and JSON Pointer of everything wrong in the first file that is
 */
export function loadCatalog(dir: string, variables: ConnectorVariables, { onlyWithTools = false }: LoadOptions = {}): Catalog {
  const folders = listConnectors(dir);
  const unknown = Object.keys(variables).find((name) => !folders.some((folder) => folder.name === name));
  if (unknown !== undefined) throw problem(dir, `variables are set for the connector "${unknown}", which is not here`);
  const compiler = new ToolCompiler();
  const tools = new Map<string, Tool>();
  const providers = new Map<string, ProviderManifest>();
  for (const folder of onlyWithTools ? folders.filter(({ tools }) => tools !== undefined) : folders) {
    const values = Object.hasOwn(variables, folder.name) ? variables[folder.name] : undefined;
    const provider = readManifest(YamlFile.read(folder.manifest), folder.name, values ?? {});
    providers.set(provider.name, provider);
    if (folder.tools === undefined) continue;
    for (const tool of readTools(YamlFile.read(folder.tools), provider, compiler, tools)) tools.set(tool.name, tool);
  }
  return new Catalog(tools, providers, new Set(folders.map(({ name }) => name)));
}
