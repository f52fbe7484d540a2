import { connectorsConfig, databaseConfig, egressConfig, fragment, kmsConfig, natsConfig } from '@keyward/service-host';
import { z } from 'zod';

const DEFAULT_LEASE_MS = 30_000;
const HOUR_MS = 3_600_000;
const WEEK_HOURS = 168;
const YEAR_HOURS = 8_760;

/** A third of the lease is for the token request, as much for storing its answer; what waits longer for its turn is not sent. */
const refreshConfig = fragment(
  {
    KEYWARD_REFRESH_LEASE_MS: z.coerce
      .number({ error: 'it must be a number of milliseconds' })
      .int()
      .min(1500)
      .max(300_000)
      .default(DEFAULT_LEASE_MS),
    KEYWARD_REFRESH_CONCURRENCY: z.coerce
      .number({ error: 'it must be a number of refreshes at a time' })
      .int()
      .min(1)
      .max(1024)
      .default(64),
    KEYWARD_REFRESH_SLEEP_AFTER_HOURS: z.coerce
      .number({ error: 'it must be a number of hours; 0 for never' })
      .int()
      .min(0)
      .max(YEAR_HOURS)
      .default(WEEK_HOURS),
  },
  (env) => ({
    leaseMs: env.KEYWARD_REFRESH_LEASE_MS,
    redeemTimeoutMs: Math.floor(env.KEYWARD_REFRESH_LEASE_MS / 3),
    slots: env.KEYWARD_REFRESH_CONCURRENCY,
    sleepAfterMs: env.KEYWARD_REFRESH_SLEEP_AFTER_HOURS * HOUR_MS,
  }),
);

export const refresherConfig = {
  database: databaseConfig,
  nats: natsConfig,
  kms: kmsConfig,
  connectors: connectorsConfig,
  egress: egressConfig,
  refresh: refreshConfig,
};
