import { KeywardError, type RefreshRequest } from '@keyward/contracts';
import type { CredentialStore } from '@keyward/postgres-vault';
import type { RefresherMetrics } from '../metrics.js';
import { backoffMs } from '../refresh/backoff.js';
import type { Claim, Outcome } from '../refresh/claim.js';
import { appRejected } from '../refresh/decide.js';
import { unavailable } from '../refresh/tell.js';
import { unlessAborted } from '../refresh/unless-aborted.js';
import type { ConnectionNews } from './connection-news.js';

export interface OnDemandParts {
  newLease: () => string;
  leaseMs: number;
  store: Pick<CredentialStore, 'claim'>;
  /** Told of everything that becomes of a connection, on whatever replica. */
  news: ConnectionNews;
  run: (claim: Claim) => Promise<Outcome>;
  metrics: Pick<RefresherMetrics, 'foundExpired'>;
}

type Told = Exclude<Outcome, { kind: 'postponed' }>;
type Attempt = Told | { kind: 'busy' };

/** Between two looks at a credential that another replica is refreshing, should its news get lost. */
const BUSY_PAUSE = { baseMs: 50, maxMs: 1_000 };

/**
 * "A generation newer than N, please." Askers of the same process share one attempt; over processes the lease in the store decides
 * who redeems, and the others wait until that one has stored its answer. So any number of askers costs one token request.
 */
export class OnDemand {
  readonly #attempts = new Map<string, Promise<Attempt>>();

  constructor(private readonly parts: OnDemandParts) {}

  /** @param signal ends the waiting, with its reason; a redemption under way is never broken off. */
  async refresh(request: RefreshRequest, signal: AbortSignal): Promise<Told> {
    for (let round = 0; ; round++) {
      const attempt = await unlessAborted(signal, this.#sharedAttempt(request, round));
      if (attempt.kind !== 'busy') return attempt;
    }
  }

  /** Waits for redemptions that nobody waits for any more. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#attempts.values());
  }

  #sharedAttempt(request: RefreshRequest, round: number): Promise<Attempt> {
    const key = `${request.org} ${request.connection} ${request.newerThan}`;
    const running = this.#attempts.get(key);
    if (running !== undefined) return running;
    const attempt = this.#attempt(request, round).finally(() => this.#attempts.delete(key));
    // The asker may be gone when it fails.
    attempt.catch(() => undefined);
    this.#attempts.set(key, attempt);
    return attempt;
  }

  async #attempt({ org, connection, newerThan, reason }: RefreshRequest, round: number): Promise<Attempt> {
    const { store, leaseMs, news, run } = this.parts;
    const owner = this.parts.newLease();
    const listening = news.listen(connection);
    try {
      const claim = await store.claim({ org, connection, newerThan, owner, leaseMs });
      switch (claim.outcome) {
        case 'newer':
          return { kind: 'refreshed', generation: claim.generation };
        case 'unavailable':
          return { kind: 'failed', error: unavailable(claim.status) };
        case 'backing_off':
          return { kind: 'failed', error: backingOff(claim) };
        case 'busy':
          await heardWithin(listening.heard, Math.min(backoffMs(round, BUSY_PAUSE), claim.leaseLeftMs + 1));
          return { kind: 'busy' };
        case 'claimed': {
          const row = claim.credential;
          if (row.accessExpiresInMs !== null && row.accessExpiresInMs <= 0) this.parts.metrics.foundExpired(row.provider);
          const accessRejected = reason === 'rejected_by_provider';
          const outcome = await run({ owner, row, endsAt: row.readAt + leaseMs, priority: 'asked', accessRejected });
          if (outcome.kind !== 'postponed') return outcome;
          // As long as somebody waits, so does their place in the queue.
          await heardWithin(listening.heard, outcome.retryInMs);
          return { kind: 'busy' };
        }
      }
    } finally {
      listening.end();
    }
  }
}

/** After failures the provider is left alone until the time that was set then, however many ask. */
function backingOff({ retryInMs, appRejected: byApp }: { retryInMs: number; appRejected: boolean }): KeywardError {
  if (byApp) return appRejected(retryInMs);
  return new KeywardError('provider_unavailable', 'Refreshing failed just now and will be tried again.', {
    details: { retryAfterMs: Math.ceil(retryInMs) },
  });
}

async function heardWithin(heard: Promise<void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([heard, promise]);
  clearTimeout(timer);
}
