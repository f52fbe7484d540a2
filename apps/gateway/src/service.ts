import { limitPublicRoutes, type ServiceOptions } from '@keyward/service-host';
import { gatewayConfig } from './config.js';
import { createGateway, type Gateway } from './gateway.js';
import { GatewayModule } from './gateway.module.js';

export function gatewayService(): ServiceOptions<typeof gatewayConfig> {
  let gateway: Gateway | undefined;
  return {
    name: 'gateway',
    config: gatewayConfig,
    module: async (host) => {
      gateway = await createGateway(host);
      return GatewayModule.over(gateway);
    },
    http: (config) => config.http,
    fastify: (instance, host) => limitPublicRoutes(instance, host.config.limits),
    strategies: () => (gateway === undefined ? [] : [gateway.natsDoor]),
  };
}
