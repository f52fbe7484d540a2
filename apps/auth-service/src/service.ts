import type { ServiceOptions } from '@keyward/service-host';
import { AuthModule } from './auth.module.js';
import { createAuthService } from './auth-service.js';
import { authConfig } from './config.js';
import { registerPlugins } from './doors/http/fastify-plugins.js';

export const authService: ServiceOptions<typeof authConfig> = {
  name: 'auth-service',
  config: authConfig,
  module: async (host) => AuthModule.over(await createAuthService(host)),
  http: (config) => config.http,
  fastify: (instance, host) => registerPlugins(instance, host.config.limits),
};
