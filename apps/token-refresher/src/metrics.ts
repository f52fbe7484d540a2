import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { byLabel, type ConnectorLabel } from '@keyward/connectors';
import type { VaultMetrics } from '@keyward/credentials';
import { createVaultMetrics } from '@keyward/kms';
import type { BreakerState } from '@keyward/limits';
import type { RefreshOutcome } from './refresh/decide.js';

export interface RefresherMetrics {
  /** @param seconds from taking the lease up to its outcome */
  attempt(provider: string, outcome: RefreshOutcome, seconds: number): void;
  /** @param usedShare of its lifetime, of the access token that was followed by another one; above 1: it had expired */
  refreshed(provider: string, usedShare: number): void;
  /** A due credential was taken up so long after its time. */
  late(provider: string, seconds: number): void;
  /** Somebody asked for a credential whose access token had run out before it was refreshed. */
  foundExpired(provider: string): void;
  vault: VaultMetrics;
}

/** What is asked at every scrape; where it fails, the last answer stays. */
export interface GaugeSources {
  countExpiring(withinMs: number): Promise<number>;
  rejectedApps(): Promise<ReadonlyMap<string, number>>;
  breakers(): ReadonlyMap<string, BreakerState>;
  waiting(): ReadonlyMap<string, number>;
}

/** Shorter than any healthy margin, so that anything above 0 is a refresh that is late. */
const EXPIRING_WITHIN_MS = 15_000;

export function createMetrics(registry: Registry, labelOf: ConnectorLabel, sources: GaugeSources): RefresherMetrics {
  const registers = [registry];
  const labelNames = ['provider'] as const;
  registerGauges(registry, labelOf, sources);
  const refreshes = new Counter({
    name: 'credential_refresh_total',
    help: 'Attempts to refresh a credential, by what became of them',
    labelNames: ['provider', 'outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'credential_refresh_duration_seconds',
    help: 'From taking up a due credential to its outcome',
    labelNames,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const age = new Histogram({
    name: 'credential_age_at_refresh_ratio',
    help: 'Share of its lifetime that an access token had behind it when the next one was stored; above 1 it had expired',
    labelNames,
    buckets: [0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1, 2],
    registers,
  });
  const late = new Histogram({
    name: 'credential_refresh_late_seconds',
    help: 'From when a credential was due to when it was taken up',
    labelNames,
    buckets: [0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600],
    registers,
  });
  const expired = new Counter({
    name: 'credential_found_expired_total',
    help: 'Refreshes asked for when the access token had already expired',
    labelNames,
    registers,
  });
  return {
    attempt: (connector, outcome, seconds) => {
      const provider = labelOf(connector);
      refreshes.inc({ provider, outcome });
      duration.observe({ provider }, seconds);
    },
    refreshed: (connector, usedShare) => age.observe({ provider: labelOf(connector) }, usedShare),
    late: (connector, seconds) => late.observe({ provider: labelOf(connector) }, seconds),
    foundExpired: (connector) => expired.inc({ provider: labelOf(connector) }),
    vault: createVaultMetrics(registry),
  };
}

function registerGauges(registry: Registry, labelOf: ConnectorLabel, sources: GaugeSources): void {
  const registers = [registry];
  type Read = () => Promise<ReadonlyMap<string, number>> | ReadonlyMap<string, number>;
  const sum = (one: number, other: number) => one + other;
  const gauge = (name: string, help: string, read: Read, combine: (one: number, other: number) => number) =>
    new Gauge({
      ...{ name, help, labelNames: ['provider'], registers },
      async collect() {
        const values = await Promise.resolve()
          .then(read)
          .catch(() => undefined);
        if (values === undefined) return;
        this.reset();
        for (const [provider, value] of byLabel(values, labelOf, combine)) this.set({ provider }, value);
      },
    });
  gauge('circuit_breaker_state', '0 closed, 1 half open, 2 open', () => sources.breakers(), Math.max);
  gauge('credential_refresh_waiting', 'Refreshes that hold a lease and wait for their turn', () => sources.waiting(), sum);
  const rejected = 'Registrations that their provider rejects; the same from every replica';
  gauge('provider_apps_rejected', rejected, () => sources.rejectedApps(), sum);
  new Gauge({
    name: 'credential_expiring_soon',
    help: 'Access tokens that end within 15 s, or have ended, although they could have been refreshed; the same from every replica',
    registers,
    async collect() {
      const count = await sources.countExpiring(EXPIRING_WITHIN_MS).catch(() => undefined);
      if (count !== undefined) this.set(count);
    },
  });
}
