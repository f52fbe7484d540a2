import { connectorsConfig, databaseConfig, egressConfig, fragment, kmsConfig, natsConfig } from '@keyward/service-host';
import { z } from 'zod';

/** Calls at a time in this process; what is more waits on the bus, where another replica may take it. */
const concurrencyConfig = fragment(
  { KEYWARD_EXECUTOR_CONCURRENCY: z.coerce.number({ error: 'it must be a number' }).int().min(1).max(4096).default(256) },
  (env) => env.KEYWARD_EXECUTOR_CONCURRENCY,
);

export const executorConfig = {
  database: databaseConfig,
  nats: natsConfig,
  kms: kmsConfig,
  connectors: connectorsConfig,
  egress: egressConfig,
  concurrency: concurrencyConfig,
};
