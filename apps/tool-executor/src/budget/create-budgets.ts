import { onBudgetsChanged } from '@keyward/jetstream';
import { createBudgetLoader, createBudgetStore } from '@keyward/postgres';
import type { NatsConnection } from '@nats-io/transport-node';
import { trace } from '@opentelemetry/api';
import type { DataSource } from 'typeorm';
import type { ExecutorHost } from '../create-executor.js';
import { Budgets } from './budgets.js';
import { createBudgetMetrics } from './metrics.js';

/** The latest that a change is known whose broadcast was missed. */
const RELOAD_MS = 30_000;
const NO_TRACE = '0'.repeat(32);

interface Around {
  database: DataSource;
  nats: NatsConnection;
}

/** All budgets are known before the first call, so that no call has to ask whether there are any. */
export async function createBudgets(host: ExecutorHost, { database, nats }: Around): Promise<Budgets> {
  const { logger, metrics, waitFor, onDrain } = host;
  const budgets = new Budgets({
    store: createBudgetStore(database, () => trace.getActiveSpan()?.spanContext().traceId ?? NO_TRACE),
    metrics: createBudgetMetrics(metrics),
    onUncounted: (error) => logger.warn({ err: error }, 'a budget that only warns could not be counted'),
  });
  const load = createBudgetLoader(database);
  const read = async (org: string | null) => budgets.know(org, await load(org));
  // One after the other: what was read before must not replace what was read after.
  let reading = waitFor('budgets', () => read(null));
  const readAgain = (org: string | null) => {
    reading = reading
      .then(() => read(org))
      .catch((error: unknown) => logger.warn({ err: error }, 'budgets could not be read; those that are known stay in force'));
  };
  onBudgetsChanged(nats, ({ org }) => readAgain(org), logger);
  await reading;
  const timer = setInterval(() => readAgain(null), RELOAD_MS);
  timer.unref();
  onDrain('budgets', async () => {
    clearInterval(timer);
    await budgets.close();
  });
  return budgets;
}
