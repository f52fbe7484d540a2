import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';

type Counted = Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount' | 'options'>;

/** The pool as it is when the metrics are read. Busy is what somebody holds: a query, or a transaction between two of them. */
export function observePool(registry: Registry, pool: Counted): void {
  const registers = [registry];
  new Gauge({
    name: 'postgres_pool_connections',
    help: 'Connections to PostgreSQL.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
      this.set({ state: 'idle' }, pool.idleCount);
    },
  });
  new Gauge({
    name: 'postgres_pool_waiting',
    help: 'Queries that wait for a connection of the pool.',
    registers,
    collect() {
      this.set(pool.waitingCount);
    },
  });
  new Gauge({ name: 'postgres_pool_max_connections', help: 'How many connections the pool may have.', registers }).set(
    pool.options.max,
  );
}
