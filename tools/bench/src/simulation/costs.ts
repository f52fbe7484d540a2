import type { Figure } from '../figure.js';
import { MEASURED, type Model } from './model.js';

/** How a refresh's CPU time in one process is shared out over its steps. Throughput depends on the sum alone. */
const REPLICA_STEPS = { before: 0.4, after: 0.45, relay: 0.15 };
const DATABASE_STEPS = { begin: 0.25, commit: 0.5, relay: 0.25 };
/** Claims come in batches of a quarter of the slots or more. */
const CLAIMED_AT_A_TIME = 16;

/**
 * The costs as `npm run bench -- --only P4,P16 --json FILE` measured them. What auth-service's relay does is counted with the refresher's:
 * without it, the refresher would have to.
 * @throws Error where a figure is missing
 */
export function measuredCosts(figures: readonly Figure[]): Pick<Model, 'replicaMs' | 'databaseMs' | 'othersMs'> {
  const of = (id: string) => valueOf(figures, id);
  const cpu = (process: string) => of(`P4.sandbox.cpu.${process}`) / 1000;
  const claim = of('P16.due.p50');
  const database = Math.max(0.1, cpu('PostgreSQL') - claim / CLAIMED_AT_A_TIME);
  const replica = cpu('token-refresher') + cpu('auth-service');
  return {
    replicaMs: times(REPLICA_STEPS, replica),
    databaseMs: { claim, claimRow: 0, ...times(DATABASE_STEPS, database) },
    othersMs: ['token-endpoint', 'nats', 'audit-service', 'tool-executor', 'gateway'].reduce(
      (sum, process) => sum + cpu(process),
      0,
    ),
  };
}

/** One machine with everything on it, and a token endpoint beside it, as benchmarks have it. */
export function benchmarkMachine(figures: readonly Figure[], cores: number): Model {
  return {
    ...MEASURED,
    ...measuredCosts(figures),
    replicas: 1,
    roundTripMs: 0.2,
    endpoint: { medianMs: 3, p99Ms: 20 },
    together: cores,
  };
}

export function valueOf(figures: readonly Figure[], id: string): number {
  const found = figures.find((one) => one.id === id);
  if (found === undefined)
    throw new Error(`the file of figures has no ${id}: measure it with npm run bench -- --only P4,P5,P16 --json FILE`);
  return found.value;
}

function times<K extends string>(shares: Record<K, number>, ms: number): Record<K, number> {
  return Object.fromEntries(Object.entries<number>(shares).map(([step, share]) => [step, share * ms])) as Record<K, number>;
}
