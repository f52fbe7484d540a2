import type { Tool } from '../tool/tool.js';
import { ConnectorError, type ConnectorProblem } from '../load/connector-error.js';
import { fillVariables } from '../load/fill-variables.js';
import { listConnectors, type ConnectorFolder } from '../load/folder.js';
import { declaredVariables, readManifest, readTools } from '../load/read-connector.js';
import { YamlFile } from '../load/yaml-file.js';
import type { AuthKind } from '../manifest/auth.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import { toolFileSchema } from '../manifest/tool-definition.js';
import { ToolCompiler } from '../tool/compile-tool.js';
import { loadUnified } from '../unified/load-unified.js';
import { checkInstallation } from './check-installation.js';
import { checkSources } from './check-sources.js';

export type SourceSummary = Pick<ProviderManifest['sources'][number], 'page' | 'checked' | 'seen'>;

export interface ProviderSummary {
  name: string;
  title: string;
  kind: AuthKind;
  /** The default ones. */
  scopes: readonly string[];
  /** Pages, each with the day it was read on, and how well its facts are known. */
  sources: readonly SourceSummary[];
  tools: number;
}

export interface CatalogReport {
  providers: ProviderSummary[];
  /** How many there are. */
  tools: number;
  problems: ConnectorProblem[];
}

/**
 * Everything that is wrong in a folder of connectors, in all its files: what loadCatalog refuses, facts without a source, and
 * installations that nobody shows to be theirs.
 * Variables of the deployment need no values: samples stand for them.
 *
 * @param today for sources that claim to be read later than now
 * @param only name of the one connector that is looked at, without those beside it
 */
export function checkCatalog(dir: string, today: Date = new Date(), only?: string): CatalogReport {
  const problems: ConnectorProblem[] = [];
  const compiler = new ToolCompiler();
  const tools = new Map<string, Tool>();
  const providers: ProviderSummary[] = [];
  const all = collect(problems, () => listConnectors(dir)) ?? [];
  const folders = only === undefined ? all : all.filter(({ name }) => name === only);
  for (const folder of folders) {
    const manifest = collect(problems, () => checkManifest(folder, isoDate(today), problems));
    const own = collect(problems, () => checkTools(folder, manifest, compiler, tools)) ?? [];
    for (const tool of own) tools.set(tool.name, tool);
    if (manifest !== undefined) providers.push(summaryOf(manifest, own.length));
  }
  // Of connectors that can not be loaded themselves, nothing can be mapped.
  if (problems.length === 0) collect(problems, () => loadUnified(dir, folders, tools));
  return { providers, tools: tools.size, problems };
}

function checkManifest(folder: ConnectorFolder, today: string, problems: ConnectorProblem[]): ProviderManifest {
  const file = YamlFile.read(folder.manifest);
  const values = sampleValues(file);
  const manifest = readManifest(file, folder.name, values);
  const document = fillVariables(file.value, values, (place, name) => {
    throw file.error(place, `\${${name}} is not declared under variables`);
  });
  const report = (path: readonly PropertyKey[], detail: string) => problems.push(file.problem(path, detail));
  checkSources(manifest, document as Record<string, unknown>, today, report);
  checkInstallation(manifest, report);
  return manifest;
}

/** Without a manifest there is nothing to compile tools against; what is wrong in the file itself is told all the same. */
function checkTools(
  { tools }: ConnectorFolder,
  manifest: ProviderManifest | undefined,
  compiler: ToolCompiler,
  known: ReadonlyMap<string, Tool>,
): Tool[] {
  const files = tools.map((file) => YamlFile.read(file));
  if (manifest !== undefined) return readTools(files, manifest, compiler, known);
  for (const file of files) file.parse(toolFileSchema, file.value);
  return [];
}

/** What the deployment sets is either an address of its own, or a part of something. */
function sampleValues(file: YamlFile): Record<string, string> {
  const text = JSON.stringify(file.value);
  return Object.fromEntries(
    Object.keys(declaredVariables(file)).map((name) => [name, text.includes(`"\${${name}}`) ? 'http://127.0.0.1:1' : 'sample']),
  );
}

function summaryOf({ name, title, auth, sources }: ProviderManifest, tools: number): ProviderSummary {
  const pages = sources.map(({ page, checked, seen }) => ({ page, checked, seen }));
  return { name, title, kind: auth.kind, scopes: auth.scopes.default, sources: pages, tools };
}

function collect<T>(problems: ConnectorProblem[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

function isoDate(day: Date): string {
  return day.toISOString().slice(0, 10);
}
