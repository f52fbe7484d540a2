import type { IncomingMessage } from 'node:http';
import { KeywardError } from '@keyward/contracts';
import { bearerToken, clientAddress, FailedAttempts, type ClientLimits } from '@keyward/service-host';
import type { GatewayMetrics } from '../metrics.js';
import { isWorkloadToken } from './check-workload.js';
import { CredentialCache, type AgentPrincipal } from './credential-cache.js';

export interface BearerCredentials {
  /** Agent keys. */
  keys: CredentialCache;
  /** Identity tokens of workloads. */
  workloads: CredentialCache;
}

/** Who is asking, over HTTP: by agent key, or by the identity token of a workload. */
export class Authenticator {
  private readonly attempts: FailedAttempts;

  constructor(
    private readonly credentials: BearerCredentials,
    private readonly limits: ClientLimits,
    private readonly metrics: GatewayMetrics,
  ) {
    this.attempts = new FailedAttempts({ burst: limits.failedAuthentications });
  }

  /** @throws KeywardError `unauthenticated`, `rate_limited`, `invalid_request` (two Authorization headers), `dependency_unavailable` */
  async authenticate(request: IncomingMessage): Promise<AgentPrincipal> {
    const token = bearerToken(request);
    if (token === undefined) return this.#refuse(request, 'missing');

    const cache = isWorkloadToken(token) ? this.credentials.workloads : this.credentials.keys;
    const digest = CredentialCache.digest(token);
    const known = cache.known(digest);
    if (known === 'refused') return this.#refuse(request, 'refused');
    if (known !== undefined) return known;

    // A credential that was valid a minute ago must not be locked out by someone else's failures from behind the same proxy.
    if (!cache.wasVerified(digest)) this.attempts.requireRoom(clientAddress(request, this.limits.trustedProxies));
    const principal = await cache.verify(token, digest);
    return principal ?? this.#refuse(request, 'refused');
  }

  #refuse(request: IncomingMessage, reason: 'missing' | 'refused'): never {
    const address = clientAddress(request, this.limits.trustedProxies);
    this.metrics.authenticationFailures.inc({ reason });
    this.attempts.requireRoom(address);
    this.attempts.failed(address);
    throw new KeywardError(
      'unauthenticated',
      reason === 'missing'
        ? 'This request needs an agent key or a workload identity as bearer token.'
        : 'The bearer token is not valid.',
    );
  }
}
