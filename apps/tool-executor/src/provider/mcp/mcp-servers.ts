import type { Client, PriorDiscovery } from '@modelcontextprotocol/client';

/** What a server speaks may change with its next version. */
const KNOWN_FOR_MS = 10 * 60_000;
const MOST = 512;

/** Which era of the protocol each MCP server speaks, so that not every call has to ask. Nothing of a caller is kept. */
export class McpServers {
  readonly #known = new Map<string, { prior: PriorDiscovery; until: number }>();

  /** @param now a clock that nobody sets */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Undefined: it has to be asked. */
  priorOf(url: string): PriorDiscovery | undefined {
    const known = this.#known.get(url);
    if (known !== undefined && known.until > this.now()) return known.prior;
    this.#known.delete(url);
    return undefined;
  }

  /** Of a client that has been answered. */
  learn(url: string, client: Client): void {
    if (this.#known.has(url)) return;
    const discover = client.getDiscoverResult();
    const prior: PriorDiscovery = discover === undefined ? { kind: 'legacy' } : { kind: 'modern', discover };
    this.#known.set(url, { prior, until: this.now() + KNOWN_FOR_MS });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
  }

  forget(url: string): void {
    this.#known.delete(url);
  }
}
