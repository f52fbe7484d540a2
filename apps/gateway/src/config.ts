import {
  agentsNatsConfig,
  clientLimitsConfig,
  connectorsConfig,
  databaseConfig,
  fragment,
  httpConfig,
  natsConfig,
  objectsConfig,
} from '@keyward/service-host';
import { z } from 'zod';

const DEFAULT_PORT = 8080;

/** Half of what the host grants for the whole drain (its KEYWARD_DRAIN_TIMEOUT_MS) is for waiting; then callers are told to poll. */
const drainConfig = fragment(
  { KEYWARD_DRAIN_TIMEOUT_MS: z.coerce.number().int().min(100).max(600_000).default(20_000) },
  (env) => ({
    waitMs: env.KEYWARD_DRAIN_TIMEOUT_MS / 2,
  }),
);

export const gatewayConfig = {
  database: databaseConfig,
  nats: natsConfig,
  agents: agentsNatsConfig,
  connectors: connectorsConfig,
  http: httpConfig(DEFAULT_PORT),
  drain: drainConfig,
  limits: clientLimitsConfig,
  objects: objectsConfig,
};
