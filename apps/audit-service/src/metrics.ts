import { Counter, type Registry } from 'prom-client';

export interface AuditMetrics {
  /** Events that are now rows, by type. Repetitions don't count. */
  stored(type: string, count: number): void;
}

export function createMetrics(registry: Registry): AuditMetrics {
  const stored = new Counter({
    name: 'audit_events_total',
    help: 'Events stored in the trail.',
    labelNames: ['type'],
    registers: [registry],
  });
  return { stored: (type, count) => stored.inc({ type }, count) };
}
