import { limitFailedAuthentications, limitPublicRoutes, type ServiceOptions } from '@keyward/service-host';
import { AuditModule } from './audit.module.js';
import { createAuditService, type AuditService } from './audit-service.js';
import { auditConfig } from './config.js';

export function auditService(): ServiceOptions<typeof auditConfig> {
  let service: AuditService | undefined;
  return {
    name: 'audit-service',
    config: auditConfig,
    module: async (host) => {
      service = await createAuditService(host);
      return AuditModule.over(service);
    },
    http: (config) => config.http,
    fastify: async (instance, { config: { limits } }) => {
      await limitPublicRoutes(instance, limits);
      limitFailedAuthentications(instance, limits);
    },
    strategies: () => (service === undefined ? [] : [service.messages]),
  };
}
