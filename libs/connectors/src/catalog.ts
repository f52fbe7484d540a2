import { KeywardError, type ToolEffect } from '@keyward/contracts';
import type { Connector } from './load/parse-connector.js';
import type { ProviderManifest } from './manifest/provider-manifest.js';

export type Arguments = Readonly<Record<string, unknown>>;

export interface RenderedRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case names. Never the credential: egress injects that. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface RenderOptions {
  /** Goes into the header that the tool declares under `idempotency`, if it does. */
  idempotencyKey?: string;
  /** The tool's provider with its late references filled, see resolveProvider. Left out: the manifest as it is. */
  provider?: ProviderManifest;
}

/** One tool, compiled once at load: nothing is parsed per call. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly provider: ProviderManifest;
  readonly effect: ToolEffect;
  /** Any one of these sets suffices; within a set all are needed. Empty: the tool needs none. */
  readonly scopes: readonly (readonly string[])[];
  /** As the connector writes it, `/notes/{id}`: names the call without its arguments. */
  readonly pathTemplate: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Whether the provider itself recognises a repeated write, so that repeating one is safe. */
  readonly idempotent: boolean;
  /** @throws KeywardError `invalid_arguments` with a JSON Pointer to each place. */
  validateArguments(args: Arguments): void;
  /** @throws KeywardError `invalid_arguments` where a value can't stand where the tool puts it. Arguments must be validated. */
  render(args: Arguments, options: RenderOptions): RenderedRequest;
}

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

/** The request that a call of this tool sends. The URL's origin and path prefix are those of the connector's base_url. */
export function renderRequest(tool: Tool, args: Arguments, options: RenderOptions = {}): RenderedRequest {
  return tool.render(args, options);
}
