import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { VaultMetrics } from '@keyward/credentials';
import { createVaultMetrics } from '@keyward/kms';
import type { RefreshOutcome } from './refresh/decide.js';

export interface RefresherMetrics {
  /** @param seconds from taking the lease up to its outcome */
  attempt(provider: string, outcome: RefreshOutcome, seconds: number): void;
  breaker(provider: string, state: 0 | 1 | 2): void;
  /** Somebody asked for a credential whose access token had run out before it was refreshed. */
  expiredInUse(): void;
  vault: VaultMetrics;
}

/** Shorter than any healthy margin, so that anything above 0 is a refresh that is late. */
const EXPIRING_WITHIN_MS = 15_000;

/** @param countExpiring asked at every scrape; where it fails, the last count stays */
export function createMetrics(registry: Registry, countExpiring: (withinMs: number) => Promise<number>): RefresherMetrics {
  const registers = [registry];
  const refreshes = new Counter({
    name: 'credential_refresh_total',
    help: 'Attempts to refresh a credential, by what became of them',
    labelNames: ['provider', 'outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'credential_refresh_duration_seconds',
    help: 'From taking up a due credential to its outcome',
    labelNames: ['provider'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const breakers = new Gauge({
    name: 'circuit_breaker_state',
    help: '0 closed, 1 half open, 2 open',
    labelNames: ['provider'],
    registers,
  });
  new Gauge({
    name: 'credential_expiring_soon',
    help: 'Access tokens that end within 15 s, or have ended, although they could have been refreshed; the same from every replica',
    registers,
    async collect() {
      const count = await countExpiring(EXPIRING_WITHIN_MS).catch(() => undefined);
      if (count !== undefined) this.set(count);
    },
  });
  const expired = new Counter({
    name: 'credential_expired_in_use_total',
    help: 'Refreshes asked for when the access token had already expired',
    registers,
  });
  return {
    attempt: (provider, outcome, seconds) => {
      refreshes.inc({ provider, outcome });
      duration.observe({ provider }, seconds);
    },
    breaker: (provider, state) => breakers.set({ provider }, state),
    expiredInUse: () => expired.inc(),
    vault: createVaultMetrics(registry),
  };
}
