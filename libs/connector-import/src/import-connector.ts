import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { GraphQLSchema } from 'graphql';
import picomatch from 'picomatch';
import type { Draft, Wanted } from './draft.js';
import { importGraphql } from './graphql/import-graphql.js';
import { introspect, schemaOfIntrospection, schemaOfSdl } from './graphql/read-schema.js';
import { ImportError } from './import-error.js';
import { importMcp } from './mcp/import-mcp.js';
import { readMcpTools } from './mcp/read-tools.js';
import { assignNames } from './names/assign-names.js';
import { wordsOf } from './names/words.js';
import { importOpenApi } from './openapi/import-openapi.js';
import { OpenApiDocument } from './openapi/document.js';
import { isToolFile, readFolder, RECORD, replaceFolder, verify, type Folder } from './output/folder.js';
import { mergeManifest, type MergedManifest } from './output/merge-manifest.js';
import { mergeTools, type MergedTools, type ToolChanges } from './output/merge-tools.js';
import { planFiles } from './output/plan-files.js';
import { partsOf, recordText, type ImportRecord } from './output/record.js';
import { reviewText } from './output/review.js';
import { readSource, type Source, type SourceKind } from './source/read-source.js';

export interface ImportOptions {
  /** A file, or an https address. */
  readonly source: string;
  readonly kind?: SourceKind | undefined;
  /** Of the connector; made of the source's title where it is left out. */
  readonly name?: string | undefined;
  /** Folder of connectors; the connector becomes a folder in it. */
  readonly out: string;
  /** Tags, or globs of paths. */
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly maxTools?: number | undefined;
  readonly baseUrl?: string | undefined;
  /** Bearer token for asking a GraphQL endpoint or an MCP server. */
  readonly token?: string | undefined;
  /** Whether the folder is left as it is. */
  readonly dryRun?: boolean | undefined;
  /** For people who wait. */
  readonly progress?: ((what: string) => void) | undefined;
  /** `YYYY-MM-DD` */
  readonly today?: string | undefined;
}

export interface ImportResult {
  readonly name: string;
  readonly folder: string;
  /** What was imported, such as `OpenAPI 3.0.3`. */
  readonly source: string;
  readonly imported: number;
  readonly leftOut: Draft['leftOut'];
  readonly unwanted: number;
  /** Whether there was no such connector before. */
  readonly isNew: boolean;
  readonly tools: ToolChanges;
  readonly manifest: Pick<MergedManifest, 'changed' | 'conflicts'>;
  /** Files that differ from what is in the folder, those that are not wanted any more among them. */
  readonly files: readonly string[];
}

/**
 * Makes a connector's folder of a description, or brings one up to date with it. Nothing is written unless all of it loads.
 * @throws ImportError
 */
export async function importConnector(options: ImportOptions): Promise<ImportResult> {
  const { progress = () => undefined } = options;
  progress('Reading the source');
  // What was read is not held on to: it may be as large as all the rest.
  const { draft, is, sha256, address } = await draftOf(await readSource(options.source, options.kind), options);
  const name = nameOf(options.name, draft.title);
  const folder = join(resolve(options.out), name);
  const before = readFolder(folder);
  const named = assignNames(name, draft.tools, namesBefore(before));
  progress(`${named.length} tools`);
  const read =
    before.record?.source.sha256 === sha256
      ? before.record.source.read
      : (options.today ?? new Date().toISOString().slice(0, 10));
  const manifest = manifestOf(name, draft, address, read);
  const head = headOf(options.source);
  const mergedManifest = mergeManifest(manifest, before.files.get('connector.yaml'), before.record?.manifest, head);
  const found = [...before.toolFiles.values()].flatMap(({ tools }) => tools);
  const mergedTools = mergeTools(named, found, before.record);
  const toolFiles = toolTexts(mergedTools, before, head);
  const record: ImportRecord = {
    version: 1,
    source: { address: options.source.split('/').at(-1) ?? '', sha256, read },
    manifest: partsOf(manifest),
    tools: mergedTools.records,
  };
  const loaded = new Map([['connector.yaml', mergedManifest.text], ...toolFiles]);
  const after = new Map([
    ...loaded,
    ['review.yaml', reviewText({ draft, named, record, source: is })],
    [RECORD, recordText(record)],
  ]);
  progress('Loading what was made');
  verify(name, loaded);
  const files = [...new Set([...after.keys(), ...before.files.keys()])].filter(
    (file) => after.get(file) !== before.files.get(file),
  );
  if (options.dryRun !== true) replaceFolder(folder, before.files, after);
  const { added, removed, changed, conflicts, edited } = mergedTools;
  return {
    ...{ name, folder, source: is, imported: named.length, leftOut: draft.leftOut, unwanted: draft.unwanted, files },
    isNew: before.files.size === 0,
    tools: { added, removed, changed, conflicts, edited },
    manifest: { changed: mergedManifest.changed, conflicts: mergedManifest.conflicts },
  };
}

interface Read {
  readonly draft: Draft;
  /** What the source is. */
  readonly is: string;
  readonly sha256: string;
  readonly address: string | undefined;
}

async function draftOf(source: Source, options: ImportOptions): Promise<Read> {
  const { address } = source;
  const wanted = wantedOf(options);
  const { baseUrl, token, progress = () => undefined } = options;
  switch (source.kind) {
    case 'openapi': {
      const told = (done: number, of: number) => progress(`${done} of ${of} operations`);
      const { version } = OpenApiDocument.of(source.document);
      const draft = importOpenApi(source.document, { baseUrl, address: source.address, wanted, progress: told });
      return { draft, is: version, sha256: source.sha256, address };
    }
    case 'sdl':
      return { ...graphql(schemaOfSdl(source.text), baseUrl, wanted), sha256: source.sha256, address };
    case 'introspection':
      return { ...graphql(schemaOfIntrospection(source.document), baseUrl, wanted), sha256: source.sha256, address };
    case 'graphql-endpoint': {
      const document = await introspect(source.address, token);
      const sha256 = createHash('sha256').update(JSON.stringify(document)).digest('hex');
      return { ...graphql(schemaOfIntrospection(document), baseUrl ?? source.address, wanted), sha256, address };
    }
    case 'mcp': {
      const read = await readMcpTools(source.address, token);
      return { draft: importMcp(read, source.address, wanted), is: 'tools of an MCP server', sha256: read.sha256, address };
    }
  }
}

function graphql(schema: GraphQLSchema, endpoint: string | undefined, wanted: Wanted): Pick<Read, 'draft' | 'is'> {
  return { draft: importGraphql(schema, { endpoint, wanted }), is: 'GraphQL schema' };
}

function wantedOf({ include = [], exclude = [], maxTools = Infinity }: ImportOptions): Wanted {
  const matcher = (patterns: readonly string[]) => {
    const globs = patterns.map((pattern) => picomatch(pattern, { nocase: true }));
    return (names: readonly string[], path: string) =>
      patterns.some((pattern) => names.some((name) => name.toLowerCase() === pattern.toLowerCase())) ||
      globs.some((matches) => matches(path));
  };
  const [isIncluded, isExcluded] = [matcher(include), matcher(exclude)];
  return { matches: (tags, path) => (include.length === 0 || isIncluded(tags, path)) && !isExcluded(tags, path), maxTools };
}

const COMMON: ReadonlySet<string> = new Set([
  'api',
  'rest',
  'http',
  'web',
  'openapi',
  'swagger',
  'graphql',
  'mcp',
  'server',
  'the',
  'reference',
  'specification',
  'documentation',
  'public',
]);

function nameOf(asked: string | undefined, title: string): string {
  const words = wordsOf(title);
  const telling = words.filter((word) => !COMMON.has(word) && !/^v?\d+$/.test(word));
  const name = asked ?? (telling.length > 0 ? telling : words).slice(0, 3).join('_').slice(0, 32);
  if (/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) return name;
  throw new ImportError(`"${name}" can not be the name of a connector: it is of a-z, 0-9, _ and -.`, 'Choose one: --name acme');
}

function namesBefore({ record }: Folder): ReadonlyMap<string, string> {
  return new Map(Object.entries(record?.tools ?? {}).map(([name, { operation }]) => [operation, name]));
}

/** Every fact of the manifest is from the source; nobody has compared it with the provider's pages. */
function manifestOf(name: string, draft: Draft, address: string | undefined, read: string): Record<string, unknown> {
  const { documentation, description, ...rest } = draft.manifest;
  const page = address?.startsWith('https://') === true ? address : documentation;
  const covers = ['auth', 'refresh', 'base_url', 'bases', 'credential']
    .filter((member) => Object.hasOwn(rest, member))
    .map((member) => `/${member}`);
  return {
    name,
    title: draft.title,
    ...(description === undefined ? {} : { description }),
    ...(documentation === undefined ? {} : { documentation }),
    ...(typeof page === 'string' ? { sources: [{ page, checked: read, seen: 'unverified', covers }] } : {}),
    ...rest,
  };
}

function headOf(source: string): string {
  const file = (source.split('/').at(-1) ?? '').replace(/[^\w.-]/g, '_').slice(0, 80);
  return `# Made by "keyward connectors import" of ${file}. See review.yaml for what was guessed and left out.
# What you change here stays when it is imported again; what you remove stays away.
`;
}

function toolTexts({ blocks, added, removed, changed }: MergedTools, before: Folder, head: string): Map<string, string> {
  const isUntouched = added.length + removed.length + changed.length === 0 && before.toolFiles.size > 0;
  if (isUntouched) return new Map([...before.files].filter(([name]) => isToolFile(name)));
  const planned = planFiles(blocks);
  return new Map(
    [...planned].map(([name, tools]) => [
      name,
      `${before.toolFiles.get(name)?.head ?? `${head}\n`}${tools.map(({ text }) => text).join('')}`,
    ]),
  );
}
