import {
  connectorsConfig,
  currencyConfig,
  databaseConfig,
  egressConfig,
  fragment,
  kmsConfig,
  natsConfig,
  objectsConfig,
  streamsConfig,
} from '@keyward/service-host';
import { z } from 'zod';

/** Calls at a time in this process; what is more waits on the bus, where another replica may take it. */
const concurrencyConfig = fragment(
  { KEYWARD_EXECUTOR_CONCURRENCY: z.coerce.number({ error: 'it must be a number' }).int().min(1).max(4096).default(256) },
  (env) => env.KEYWARD_EXECUTOR_CONCURRENCY,
);

/** How long an output is kept that is too large for the bus: as long as results themselves, unless told otherwise. */
const retentionConfig = fragment(
  { KEYWARD_OBJECTS_RETENTION_HOURS: z.coerce.number({ error: 'it must be a number' }).int().min(1).max(8_760).default(24) },
  (env) => ({ keepMs: env.KEYWARD_OBJECTS_RETENTION_HOURS * 3_600_000 }),
);

/** Arguments of calls in the audit record: none, or what is left of them without what the tool calls sensitive. */
const recordConfig = fragment(
  { KEYWARD_AUDIT_ARGUMENTS: z.enum(['none', 'redacted']).describe('none or redacted').default('none') },
  (env) => ({ arguments: env.KEYWARD_AUDIT_ARGUMENTS === 'redacted' }),
);

/** A line in the log for every call; the audit trail has them all the same. */
const logConfig = fragment({ KEYWARD_LOG_CALLS: z.enum(['true', 'false']).default('true') }, (env) => ({
  calls: env.KEYWARD_LOG_CALLS === 'true',
}));

export const executorConfig = {
  database: databaseConfig,
  nats: natsConfig,
  streams: streamsConfig,
  kms: kmsConfig,
  connectors: connectorsConfig,
  egress: egressConfig,
  concurrency: concurrencyConfig,
  objects: objectsConfig,
  retention: retentionConfig,
  record: recordConfig,
  log: logConfig,
  currency: currencyConfig,
};
