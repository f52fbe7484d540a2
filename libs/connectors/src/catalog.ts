import { KeywardError } from '@keyward/contracts';
import type { Connector } from './load/parse-connector.js';
import type { ProviderManifest } from './manifest/provider-manifest.js';
import type { Tool } from './tool/tool.js';

/** Connectors by name and their tools by name: those of a deployment, or of one organization in it. Immutable. */
export class Catalog {
  constructor(
    private readonly byName: ReadonlyMap<string, Tool>,
    private readonly providers: ReadonlyMap<string, ProviderManifest>,
    /** Names that are taken: also of connectors that are not loaded here. */
    private readonly names: ReadonlySet<string> = new Set(providers.keys()),
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
    );
  }

  /** This catalog without one connector and its tools. */
  without(connector: string): Catalog {
    return new Catalog(
      new Map([...this.byName].filter(([, tool]) => tool.provider.name !== connector)),
      new Map([...this.providers].filter(([name]) => name !== connector)),
      new Set([...this.names].filter((name) => name !== connector)),
    );
  }

  toolsOf(connector: string): readonly Tool[] {
    return this.tools().filter((tool) => tool.provider.name === connector);
  }

  /** Whether a name that the connector uses is taken. */
  collides({ manifest, tools }: Connector): boolean {
    return this.names.has(manifest.name) || tools.some((tool) => this.byName.has(tool.name));
  }
}
