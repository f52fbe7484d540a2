import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { Catalog } from './catalog.js';
import { parseOverlay, type Overlay } from './overlay/parse-overlay.js';
import { parseConnector, type Connector } from './load/parse-connector.js';

/** What an organization changes about a connector of the deployment, as it posted it. */
export interface PostedOverlay {
  readonly connector: string;
  /** overlay.yaml */
  readonly overlay: string;
}

/** A connector as an organization posted it. */
export interface PostedConnector {
  readonly name: string;
  readonly version: number;
  /** connector.yaml */
  readonly manifest: string;
  /** tools.yaml */
  readonly tools: string | null;
}

export interface CatalogsOptions {
  /** The connectors of the deployment, which every organization has; `current` may be another one each time. */
  deployment: Catalog | { readonly current: Catalog };
  /** The organization's own, as they are stored. */
  load: (org: string) => Promise<readonly PostedConnector[]>;
  /** What the organization changes about the deployment's, as it is stored. Left out: nothing. */
  loadOverlays?: (org: string) => Promise<readonly PostedOverlay[]>;
  logger: { warn(context: object, message: string): void };
  now?: () => number;
}

/** How long a catalog may lag where the broadcast of a change was missed. */
const CACHED_MS = 30_000;
/** How long what is known is kept where it could not be read anew, so that a database that is away is not asked at every call. */
const RETRIED_AFTER_MS = 1_000;
const MAX_ORGANIZATIONS = 1_000;

interface Compiled {
  readonly posted: PostedConnector;
  readonly connector: Connector;
}

interface Applied {
  readonly posted: PostedOverlay;
  readonly overlay: Overlay;
}

interface Entry {
  /** What it was made of. */
  readonly deployment: Catalog;
  readonly catalog: Catalog;
  readonly connectors: ReadonlyMap<string, Compiled>;
  readonly overlays: ReadonlyMap<string, Applied>;
  readonly staleAt: number;
}

/** The catalog of each organization: the deployment's connectors and its own. */
export class Catalogs {
  readonly #entries = new LRUCache<string, Entry>({ max: MAX_ORGANIZATIONS });
  readonly #loading = new Map<string, Promise<Entry>>();

  constructor(private readonly options: CatalogsOptions) {}

  get deployment(): Catalog {
    const { deployment } = this.options;
    return 'current' in deployment ? deployment.current : deployment;
  }

  /**
   * A posted connector that can't be used (any more) is left out and logged: it must not take the others away.
   * @throws what `load` throws, where nothing is known of this organization yet; later the last known catalog stays
   */
  async of(org: string): Promise<Catalog> {
    const entry = this.#entries.get(org);
    if (entry !== undefined && entry.staleAt > this.#now() && entry.deployment === this.deployment) return entry.catalog;
    return (await (this.#loading.get(org) ?? this.#load(org, entry))).catalog;
  }

  /** The next call of `of` reads again; one that is reading already may have read too early, so that nobody waits for it any more. */
  forget(org: string): void {
    this.#loading.delete(org);
    const entry = this.#entries.get(org);
    if (entry !== undefined) this.#entries.set(org, { ...entry, staleAt: 0 });
  }

  #load(org: string, before: Entry | undefined): Promise<Entry> {
    const isCurrent = () => this.#loading.get(org) === loading;
    const loading = this.#read(org, before)
      .catch((error: unknown) => {
        if (before === undefined) throw error;
        this.options.logger.warn(
          { err: error, org },
          'connectors of an organization could not be read; the last known ones stay',
        );
        return { ...before, deployment: this.deployment, staleAt: this.#now() + RETRIED_AFTER_MS };
      })
      .then((entry) => {
        if (isCurrent()) this.#entries.set(org, entry);
        return entry;
      })
      .finally(() => {
        if (isCurrent()) this.#loading.delete(org);
      });
    this.#loading.set(org, loading);
    return loading;
  }

  async #read(org: string, before: Entry | undefined): Promise<Entry> {
    const { deployment } = this;
    const [rows, changes] = await Promise.all([this.options.load(org), this.options.loadOverlays?.(org) ?? []]);
    const connectors = new Map<string, Compiled>();
    const overlays = this.#overlays(org, changes, deployment, before);
    let catalog = [...overlays.values()].reduce((narrowed, { overlay }) => narrowed.overlaid(overlay), deployment);
    for (const posted of rows) {
      const connector = this.#parse(org, posted, catalog, before?.connectors.get(posted.name));
      // Calls of others go on between one connector and the next.
      await nextTurn();
      if (connector === undefined) continue;
      connectors.set(posted.name, { posted, connector });
      catalog = catalog.with(connector);
    }
    return { deployment, catalog, connectors, overlays, staleAt: this.#now() + CACHED_MS };
  }

  #overlays(org: string, posted: readonly PostedOverlay[], deployment: Catalog, before: Entry | undefined): Map<string, Applied> {
    const known = before?.deployment === deployment ? before.overlays : undefined;
    const ofDeployment = posted.filter(({ connector }) => deployment.connector(connector) !== undefined);
    return new Map(
      ofDeployment.map((each) => {
        const same = known?.get(each.connector);
        if (same?.posted.overlay === each.overlay) return [each.connector, same];
        return [each.connector, { posted: each, overlay: this.#overlay(org, each, deployment) }];
      }),
    );
  }

  /** What does not fit (any more) is hidden: what was narrowed must not widen by itself. */
  #overlay(org: string, { connector, overlay }: PostedOverlay, deployment: Catalog): Overlay {
    const warn = (err: unknown) =>
      this.options.logger.warn({ err, org, connector }, 'an overlay does not fit; the tools that it is about are hidden');
    try {
      const parsed = parseOverlay(overlay, deployment, warn);
      if (parsed.connector === connector) return parsed;
      warn(new Error(`it is one of the connector "${parsed.connector}"`));
    } catch (error) {
      warn(error);
    }
    return { connector, tools: new Map(deployment.toolsOf(connector).map(({ name }) => [name, null])) };
  }

  #parse(org: string, posted: PostedConnector, taken: Catalog, before: Compiled | undefined): Connector | undefined {
    const same = before?.posted.manifest === posted.manifest && before.posted.tools === posted.tools;
    // Compiled once per version.
    if (same && before !== undefined && !taken.collides(before.connector)) return before.connector;
    try {
      return parseConnector(posted.manifest, posted.tools, taken, org);
    } catch (error) {
      this.options.logger.warn({ err: error, org, connector: posted.name }, 'a posted connector can not be used and is left out');
      return undefined;
    }
  }

  #now(): number {
    return (this.options.now ?? Date.now)();
  }
}

export function createCatalogs(options: CatalogsOptions): Catalogs {
  return new Catalogs(options);
}
