import { Pools } from './connect/pools.js';
import { resolveBySystem, type Resolve } from './connect/pinned-connector.js';
import type { Egress, EgressObserver, EgressRequest } from './egress.js';
import { EgressError } from './egress-error.js';
import { fetchFor } from './fetch-for.js';
import { send, type Way } from './send.js';

export interface EgressOptions {
  /** Exact origins that may resolve to private or loopback addresses; everything else there is refused. */
  privateOrigins: readonly string[];
  observer?: EgressObserver;
  /** How names are resolved; left out, by the operating system. */
  resolve?: Resolve;
}

/** @throws Error where a private origin is not written as an origin */
export function createEgress({ privateOrigins, observer = {}, resolve = resolveBySystem }: EgressOptions): Egress {
  for (const origin of privateOrigins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw new Error(
      'A private origin must be scheme, host and port alone, as in http://127.0.0.1:8090, without a trailing slash.',
    );
  }
  const pools = new Pools(new Set(privateOrigins), resolve);
  const way: Way = { pools, observer };
  return {
    send: (request: EgressRequest) => reportingDenials(observer, send(way, request)),
    fetchFor: (options) => {
      const go = fetchFor(way, options);
      return (url, init) => reportingDenials(observer, go(url, init));
    },
    close: () => pools.close(),
  };
}

async function reportingDenials<T>(observer: EgressObserver, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof EgressError && error.denial !== undefined) observer.denied?.(error.denial);
    throw error;
  }
}
