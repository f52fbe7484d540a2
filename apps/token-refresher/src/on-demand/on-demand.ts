import { setTimeout as delay } from 'node:timers/promises';
import { KeywardError, type RefreshRequest } from '@keyward/contracts';
import type { CredentialStore, RefreshableCredential } from '@keyward/postgres-vault';
import type { RefresherMetrics } from '../metrics.js';
import type { Claim, Outcome } from '../refresh/claim.js';
import { unavailable } from '../refresh/tell.js';

export interface OnDemandParts {
  owner: string;
  leaseMs: number;
  /** Between two looks at a credential that another process is refreshing. */
  busyPollMs: number;
  store: Pick<CredentialStore, 'load' | 'claim'>;
  run: (claim: Claim) => Promise<Outcome>;
  metrics: Pick<RefresherMetrics, 'expiredInUse'>;
}

type Attempt = Outcome | { kind: 'busy' };

/**
 * "A generation newer than N, please." Askers of the same process share one attempt; over processes the lease in the store decides
 * who redeems, and the others look until that one has stored its answer. So any number of askers costs one token request.
 */
export class OnDemand {
  readonly #attempts = new Map<string, Promise<Attempt>>();

  constructor(private readonly parts: OnDemandParts) {}

  /** @param signal ends the waiting, with its reason; a redemption under way is never broken off. */
  async refresh(request: RefreshRequest, signal: AbortSignal): Promise<Outcome> {
    for (;;) {
      const attempt = await unless(signal, this.#sharedAttempt(request));
      if (attempt.kind !== 'busy') return attempt;
    }
  }

  /** Waits for redemptions that nobody waits for any more. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#attempts.values());
  }

  #sharedAttempt(request: RefreshRequest): Promise<Attempt> {
    const key = `${request.org} ${request.connection} ${request.newerThan}`;
    const running = this.#attempts.get(key);
    if (running !== undefined) return running;
    const attempt = this.#attempt(request).finally(() => this.#attempts.delete(key));
    // The asker may be gone when it fails.
    attempt.catch(() => undefined);
    this.#attempts.set(key, attempt);
    return attempt;
  }

  async #attempt({ org, connection, newerThan, reason }: RefreshRequest): Promise<Attempt> {
    const { store, owner, leaseMs, busyPollMs, run } = this.parts;
    const row = await store.load(org, connection);
    if (row === null || row.status !== 'active') return { kind: 'failed', error: unavailable(row) };
    if (row.generation > newerThan) return { kind: 'refreshed', generation: row.generation };
    if (!row.renewable) return { kind: 'failed', error: unavailable(row) };
    this.#countExpired(row);
    const pause = backingOff(row);
    if (pause !== undefined) return { kind: 'failed', error: pause };

    const endsAt = performance.now() + leaseMs;
    const claim = await store.claim({ org, connection, newerThan, owner, leaseMs });
    switch (claim.outcome) {
      case 'newer':
        return { kind: 'refreshed', generation: claim.generation };
      case 'not_refreshable':
        return { kind: 'failed', error: unavailable(await store.load(org, connection)) };
      case 'busy':
        await delay(busyPollMs * (0.5 + Math.random()));
        return { kind: 'busy' };
      case 'claimed': {
        const { generation, staleIntent } = claim;
        return run({ org, connection, generation, staleIntent, endsAt, accessRejected: reason === 'rejected_by_provider' });
      }
    }
  }

  #countExpired({ accessExpiresAt }: RefreshableCredential): void {
    if (accessExpiresAt !== null && accessExpiresAt.getTime() <= Date.now()) this.parts.metrics.expiredInUse();
  }
}

/** After failures the provider is left alone until the time that was set then, however many ask. */
function backingOff({ failures, refreshAt }: RefreshableCredential): KeywardError | undefined {
  const leftMs = failures > 0 && refreshAt !== null ? refreshAt.getTime() - Date.now() : 0;
  if (leftMs <= 0) return undefined;
  return new KeywardError('provider_unavailable', 'Refreshing failed just now and will be tried again.', {
    details: { retryAfterMs: leftMs },
  });
}

async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
