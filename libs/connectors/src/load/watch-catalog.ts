import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../catalog.js';
import { FAMILIES } from '../unified/unified-files.js';
import { CatalogLoader, type ConnectorVariables, type LoadOptions } from './catalog-loader.js';

export interface WatchOptions extends LoadOptions {
  dir: string;
  variables: ConnectorVariables;
  /** How often the folder is looked at; 0: never again. */
  everyMs: number;
  logger: { info(context: object, message: string): void; warn(context: object, message: string): void };
  /** Of a folder that has changed. `refused`: something is wrong in it, and the catalog before stays. */
  onReload?: (result: 'loaded' | 'refused') => void;
}

const FILES = ['connector.yaml', 'tools.yaml', 'unified.yaml'];

/**
 * The catalog of a folder, as it is now: the folder is looked at again and again, and where it has changed and loads whole, what it
 * holds takes the place of what was there. Mounted folders tell nobody of their changes, so nothing but looking is of use.
 */
export class WatchedCatalog {
  readonly #loader: CatalogLoader;
  #current: Catalog;
  /** Of what was looked at last, be it that it was refused. */
  #seen: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** @throws ConnectorError where the folder can't be loaded to begin with */
  constructor(private readonly options: WatchOptions) {
    this.#loader = new CatalogLoader(options.dir, options.variables, options);
    this.#current = this.#loader.load();
    if (options.everyMs > 0) this.#lookLater();
  }

  get current(): Catalog {
    return this.#current;
  }

  /** Looks now. Never rejects: what is wrong is logged, once for each state of the folder. */
  async look(): Promise<void> {
    const { dir, logger, onReload } = this.options;
    const hash = await folderHash(dir);
    if (hash === this.#seen) return;
    this.#seen = hash;
    try {
      const next = this.#loader.load();
      if (holdsTheSame(next, this.#current)) return;
      this.#current = next;
      onReload?.('loaded');
      const [connectors, tools] = [next.connectors().length, next.tools().length];
      logger.info({ dir, connectors, tools }, 'the connectors have changed and were loaded anew');
    } catch (error) {
      onReload?.('refused');
      logger.warn({ err: error, dir }, 'the connectors have changed and can not be loaded; the ones before stay');
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #lookLater(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.look().then(() => this.#lookLater()), this.options.everyMs).unref();
  }
}

/** Loads the folder, and again whenever it has changed. @throws ConnectorError */
export function watchCatalog(options: WatchOptions): WatchedCatalog {
  return new WatchedCatalog(options);
}

/** Connectors that have not changed are not made anew. */
function holdsTheSame(one: Catalog, other: Catalog): boolean {
  const [ours, theirs] = [one.connectors(), other.connectors()];
  const [unified, others] = [one.unifiedTools(), other.unifiedTools()];
  const isSame = (all: readonly object[], before: readonly object[]) =>
    all.length === before.length && all.every((each, index) => each === before[index]);
  return isSame(ours, theirs) && isSame(unified, others);
}

/**
 * Of the names of all files that may be a connector's, and of what changes whenever their content does. That it has changed shows when they
 * are read. Looking at one after the other keeps nobody waiting.
 */
async function folderHash(dir: string): Promise<string> {
  const hash = createHash('sha256');
  const folders = await readdir(dir).catch(codeOf);
  for (const folder of typeof folders === 'string' ? [] : folders.sort()) {
    for (const file of folder === FAMILIES ? await namesIn(join(dir, folder)) : await filesOf(join(dir, folder))) {
      hash.update(JSON.stringify([folder, file, await stateOf(join(dir, folder, file))]));
    }
  }
  return hash.update(String(folders)).digest('base64');
}

async function filesOf(connector: string): Promise<string[]> {
  const tools = await namesIn(join(connector, 'tools'));
  return [...FILES, ...tools.map((name) => join('tools', name))];
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.sort();
}

/** The time of the last change of its inode can not be set, unlike that of its content. */
async function stateOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(codeOf);
  return typeof found === 'string' ? found : [found.dev, found.ino, found.size, found.ctimeNs].join();
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}
