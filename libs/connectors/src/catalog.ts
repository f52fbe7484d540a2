import { KeywardError } from '@keyward/contracts';
import type { Connector } from './load/parse-connector.js';
import type { ProviderManifest } from './manifest/provider-manifest.js';
import type { Overlay } from './overlay/parse-overlay.js';
import type { Arguments, Tool } from './tool/tool.js';
import type { UnifiedTools } from './unified/load-unified.js';
import { nativeCall, type ToolCall } from './unified/tool-call.js';
import type { UnifiedTool } from './unified/unified-tool.js';

/** Connectors by name and their tools by name: those of a deployment, or of one organization in it. Immutable. */
export class Catalog {
  constructor(
    private readonly byName: ReadonlyMap<string, Tool>,
    private readonly providers: ReadonlyMap<string, ProviderManifest>,
    /** Names that are taken: also of connectors that are not loaded here. */
    private readonly names: ReadonlySet<string> = new Set(providers.keys()),
    /** Tools that nobody sees, whose names are taken all the same. */
    private readonly hidden: ReadonlyMap<string, Tool> = new Map(),
    private readonly unifiedByName: UnifiedTools = new Map(),
  ) {}

  /**
   * What is called by a name, be it a unified one: then `connector` among the arguments says whose tool it is.
   *
   * @throws KeywardError `unknown_tool`; `invalid_arguments` at /connector
   */
  call(name: string, given: Arguments): ToolCall {
    const unified = this.unified(name);
    return unified === undefined ? nativeCall(this.tool(name), given) : unified.call(given, this.behind(unified));
  }

  /** Undefined where it is no unified name, or no connector of the deployment has a tool for it. */
  unified(name: string): UnifiedTool | undefined {
    return this.unifiedByName.get(name);
  }

  unifiedTools(): readonly UnifiedTool[] {
    return [...this.unifiedByName.values()];
  }

  /** Connector → its tool behind a unified one, in the order of connectors. */
  behind({ toolNames }: UnifiedTool): ReadonlyMap<string, Tool> {
    const tools = [...toolNames].map(([connector, name]) => [connector, this.byName.get(name)] as const);
    return new Map(tools.filter((entry): entry is [string, Tool] => entry[1]?.provider.name === entry[0]));
  }

  /** By its own name. @throws KeywardError `unknown_tool` */
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
      this.unifiedByName,
    );
  }

  /** This catalog without one connector and its tools. */
  without(connector: string): Catalog {
    return new Catalog(
      new Map([...this.byName].filter(([, tool]) => tool.provider.name !== connector)),
      new Map([...this.providers].filter(([name]) => name !== connector)),
      new Set([...this.names].filter((name) => name !== connector)),
      this.hidden,
      this.unifiedByName,
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
    return new Catalog(visible, this.providers, this.names, hidden, this.unifiedByName);
  }

  toolsOf(connector: string): readonly Tool[] {
    return this.tools().filter((tool) => tool.provider.name === connector);
  }

  /** Whether a name that the connector uses is taken. */
  collides({ manifest, tools }: Connector): boolean {
    return this.names.has(manifest.name) || tools.some(({ name }) => this.isTaken(name));
  }

  private isTaken(tool: string): boolean {
    return this.byName.has(tool) || this.hidden.has(tool) || this.unifiedByName.has(tool);
  }
}
