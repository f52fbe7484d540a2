import type { IncomingMessage } from 'node:http';
import { KeywardError } from '@keyward/contracts';
import { bearerToken, clientAddress, FailedAttempts, type ClientLimits } from '@keyward/service-host';
import type { GatewayMetrics } from '../metrics.js';
import { AgentKeys, type AgentPrincipal } from './agent-keys.js';

/** Who is asking, over HTTP. */
export class Authenticator {
  private readonly attempts: FailedAttempts;

  constructor(
    private readonly keys: AgentKeys,
    private readonly limits: ClientLimits,
    private readonly metrics: GatewayMetrics,
  ) {
    this.attempts = new FailedAttempts({ burst: limits.failedAuthentications });
  }

  /** @throws KeywardError `unauthenticated`, `rate_limited`, `invalid_request` (two Authorization headers), `dependency_unavailable` */
  async authenticate(request: IncomingMessage): Promise<AgentPrincipal> {
    const key = bearerToken(request);
    if (key === undefined) return this.#refuse(request, 'missing');

    const digest = AgentKeys.digest(key);
    const known = this.keys.known(digest);
    if (known === 'refused') return this.#refuse(request, 'refused');
    if (known !== undefined) return known;

    // A key that was valid a minute ago must not be locked out by someone else's failures from behind the same proxy.
    if (!this.keys.wasVerified(digest)) this.attempts.requireRoom(clientAddress(request, this.limits.trustedProxies));
    const principal = await this.keys.verify(key, digest);
    return principal ?? this.#refuse(request, 'refused');
  }

  #refuse(request: IncomingMessage, reason: 'missing' | 'refused'): never {
    const address = clientAddress(request, this.limits.trustedProxies);
    this.metrics.authenticationFailures.inc({ reason });
    this.attempts.requireRoom(address);
    this.attempts.failed(address);
    throw new KeywardError(
      'unauthenticated',
      reason === 'missing' ? 'This request needs an agent key as bearer token.' : 'The agent key is not valid.',
    );
  }
}
