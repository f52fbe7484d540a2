import { Counter, Gauge, type Registry } from 'prom-client';

const STEPS = ['sign', 'anchor'] as const;

export interface CheckpointMetrics {
  failed(step: (typeof STEPS)[number]): void;
}

/** @param oldestSeconds asked when scraped; while it can't be answered, the last value stays */
export function createCheckpointMetrics(registry: Registry, oldestSeconds: () => Promise<number>): CheckpointMetrics {
  const failures = new Counter({
    name: 'audit_checkpoint_failures_total',
    help: 'Times that a chain could not be signed, or a checkpoint not be anchored.',
    labelNames: ['step'],
    registers: [registry],
  });
  for (const step of STEPS) failures.inc({ step }, 0);
  const age = new Gauge({
    name: 'audit_checkpoint_age_seconds',
    help: 'For how long the event that has waited longest has been without a checkpoint; 0 where all are covered.',
    registers: [registry],
    collect: async () => {
      const seconds = await oldestSeconds().catch(() => undefined);
      if (seconds !== undefined) age.set(seconds);
    },
  });
  return { failed: (step) => failures.inc({ step }) };
}
