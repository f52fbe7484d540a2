import { adminConfig, clientLimitsConfig, databaseConfig, httpConfig, natsConfig } from '@keyward/service-host';

const DEFAULT_HTTP_PORT = 8082;

export const auditConfig = {
  database: databaseConfig,
  nats: natsConfig,
  admin: adminConfig,
  limits: clientLimitsConfig,
  http: httpConfig(DEFAULT_HTTP_PORT),
};
