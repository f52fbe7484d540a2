import type { Egress } from './egress.js';

export interface EgressOptions {
  /** Exact origins that may resolve to private or loopback addresses; everything else there is refused. */
  privateOrigins: readonly string[];
}

export function createEgress(options: EgressOptions): Egress {
  throw new Error(`not yet: ${options.privateOrigins.length}`);
}
