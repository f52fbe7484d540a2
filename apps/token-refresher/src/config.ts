import { connectorsConfig, databaseConfig, egressConfig, fragment, kmsConfig, natsConfig } from '@keyward/service-host';
import { z } from 'zod';

const DEFAULT_LEASE_MS = 30_000;

/** A third of the lease is for the token request, as much for storing its answer; what waits longer for its turn is not sent. */
const leaseConfig = fragment(
  {
    KEYWARD_REFRESH_LEASE_MS: z.coerce
      .number({ error: 'it must be a number of milliseconds' })
      .int()
      .min(1500)
      .max(300_000)
      .default(DEFAULT_LEASE_MS),
  },
  (env) => ({ leaseMs: env.KEYWARD_REFRESH_LEASE_MS, redeemTimeoutMs: Math.floor(env.KEYWARD_REFRESH_LEASE_MS / 3) }),
);

export const refresherConfig = {
  database: databaseConfig,
  nats: natsConfig,
  kms: kmsConfig,
  connectors: connectorsConfig,
  egress: egressConfig,
  lease: leaseConfig,
};
