import { adminConfig, clientLimitsConfig, databaseConfig, httpConfig, natsConfig, streamsConfig } from '@keyward/service-host';

const DEFAULT_HTTP_PORT = 8082;

export const auditConfig = {
  database: databaseConfig,
  nats: natsConfig,
  streams: streamsConfig,
  admin: adminConfig,
  limits: clientLimitsConfig,
  http: httpConfig(DEFAULT_HTTP_PORT),
};
