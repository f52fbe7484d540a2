import { Pool } from 'undici';
import type { ClientCertificate } from '../egress.js';
import { pinnedConnector, type Resolve } from './pinned-connector.js';
import { securedBy } from './client-certificate.js';

const MAX_CONNECTIONS_PER_ORIGIN = 128;
const MAX_HEADER_BYTES = 65_536;
/** Between two pieces of a body. The time of the whole request is bounded by its own timeout. */
const STALL_TIMEOUT_MS = 30_000;

/** Hosts may be a connection's own, so there is no end to how many are called in a process's life. */
const MAX_ORIGINS = 512;

/** One pool of connections per origin; the one that was used longest ago makes way once its requests have ended. */
export class Pools {
  private readonly pools = new Map<string, Pool>();

  constructor(
    private readonly privateOrigins: ReadonlySet<string>,
    private readonly resolve: Resolve,
  ) {}

  of(origin: string): Pool {
    const pool = this.pools.get(origin) ?? this.open(origin);
    // The order of insertion is the order of use.
    this.pools.delete(origin);
    this.pools.set(origin, pool);
    if (this.pools.size > MAX_ORIGINS) this.closeOldest();
    return pool;
  }

  private open(origin: string): Pool {
    return new Pool(origin, {
      connect: pinnedConnector(this.privateOrigins.has(origin), this.resolve),
      connections: MAX_CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      maxHeaderSize: MAX_HEADER_BYTES,
      bodyTimeout: STALL_TIMEOUT_MS,
      headersTimeout: 0,
    });
  }

  private closeOldest(): void {
    const [oldest] = this.pools;
    if (oldest === undefined) return;
    this.pools.delete(oldest[0]);
    // A pool that fails to close was closed with everything else meanwhile.
    oldest[1].close().catch(() => undefined);
  }

  /**
   * For one request that shows a client certificate: never shared with requests that show none or another. To be destroyed by who asked.
   * @throws EgressError `invalid_request` where certificate and key are no pair
   */
  withCertificate(origin: string, certificate: ClientCertificate): Pool {
    return new Pool(origin, {
      connect: pinnedConnector(this.privateOrigins.has(origin), this.resolve, securedBy(certificate)),
      connections: 1,
      pipelining: 1,
      maxHeaderSize: MAX_HEADER_BYTES,
      bodyTimeout: STALL_TIMEOUT_MS,
      headersTimeout: 0,
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.destroy()));
    this.pools.clear();
  }
}
