export interface DiscoveryRequest {
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: string;
  redirect: 'manual';
  signal: AbortSignal;
}

/** How discovery goes out. Where it leads is only learnt step by step, so each step asks for a way to its own origin. */
export interface DiscoveryWire {
  /** A fetch that reaches these origins and no other: `(origins) => egress.fetchFor({ provider, origins })`. */
  fetchFor: (origins: readonly string[]) => (url: string, request: DiscoveryRequest) => Promise<Response>;
  /** Of each request. Default 10,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}
