import { KeywardError } from '@keyward/contracts';
import type { Connector } from './load/parse-connector.js';
import type { ProviderManifest } from './manifest/provider-manifest.js';
import type { Overlay } from './overlay/parse-overlay.js';
import type { Tool } from './tool/tool.js';

/** Connectors by name and their tools by name: those of a deployment, or of one organization in it. Immutable. */
export class Catalog {
  constructor(
    private readonly byName: ReadonlyMap<string, Tool>,
    private readonly providers: ReadonlyMap<string, ProviderManifest>,
    /** Names that are taken: also of connectors that are not loaded here. */
    private readonly names: ReadonlySet<string> = new Set(providers.keys()),
    /** Tools that nobody sees, whose names are taken all the same. */
    private readonly hidden: ReadonlyMap<string, Tool> = new Map(),
  ) {}

  /** @throws KeywardError `unknown_tool` */
  tool(name: string): Tool {
    const tool = this.byName.get(name);
    if (tool === undefined) throw new KeywardError('unknown_tool', 'There is no tool with this name.');
    return tool;
  }

  tools(): readonly Tool[] {
    return [...this.byName.values()];
  }

  /** Of these the names are taken: also those that nobody sees. */
  takenTools(): readonly Tool[] {
    return [...this.byName.values(), ...this.hidden.values()];
  }

  connector(name: string): ProviderManifest | undefined {
    return this.providers.get(name);
  }

  connectors(): readonly ProviderManifest[] {
    return [...this.providers.values()];
  }

  /** This catalog and one connector more. Names must be free, see collides. */
  with({ manifest, tools }: Connector): Catalog {
    return new Catalog(
      new Map([...this.byName, ...tools.map((tool) => [tool.name, tool] as const)]),
      new Map([...this.providers, [manifest.name, manifest]]),
      new Set([...this.names, manifest.name]),
      this.hidden,
    );
  }

  /** This catalog without one connector and its tools. */
  without(connector: string): Catalog {
    return new Catalog(
      new Map([...this.byName].filter(([, tool]) => tool.provider.name !== connector)),
      new Map([...this.providers].filter(([name]) => name !== connector)),
      new Set([...this.names].filter((name) => name !== connector)),
      this.hidden,
    );
  }

  /** This catalog with tools as an organization has them. Names of hidden ones stay taken. */
  overlaid({ tools }: Overlay): Catalog {
    const [visible, hidden] = [new Map(this.byName), new Map(this.hidden)];
    for (const [name, changed] of tools) {
      const tool = visible.get(name);
      if (tool === undefined) continue;
      if (changed !== null) visible.set(name, changed);
      else if (visible.delete(name)) hidden.set(name, tool);
    }
    return new Catalog(visible, this.providers, this.names, hidden);
  }

  toolsOf(connector: string): readonly Tool[] {
    return this.tools().filter((tool) => tool.provider.name === connector);
  }

  /** Whether a name that the connector uses is taken. */
  collides({ manifest, tools }: Connector): boolean {
    return this.names.has(manifest.name) || tools.some(({ name }) => this.byName.has(name) || this.hidden.has(name));
  }
}
