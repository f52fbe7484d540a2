import { Pool } from 'undici';
import type { ClientCertificate } from '../egress.js';
import { pinnedConnector, type Resolve } from './pinned-connector.js';
import { securedBy } from './client-certificate.js';

const MAX_CONNECTIONS_PER_ORIGIN = 128;
const MAX_HEADER_BYTES = 65_536;
/** Between two pieces of a body. The time of the whole request is bounded by its own timeout. */
const STALL_TIMEOUT_MS = 30_000;

/** One pool of connections per origin. Origins come from manifests, so there are few. */
export class Pools {
  private readonly pools = new Map<string, Pool>();

  constructor(
    private readonly privateOrigins: ReadonlySet<string>,
    private readonly resolve: Resolve,
  ) {}

  of(origin: string): Pool {
    const known = this.pools.get(origin);
    if (known !== undefined) return known;
    const pool = new Pool(origin, {
      connect: pinnedConnector(this.privateOrigins.has(origin), this.resolve),
      connections: MAX_CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      maxHeaderSize: MAX_HEADER_BYTES,
      bodyTimeout: STALL_TIMEOUT_MS,
      headersTimeout: 0,
    });
    this.pools.set(origin, pool);
    return pool;
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
