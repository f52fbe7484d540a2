import type { ServiceOptions } from '@keyward/service-host';
import { refresherConfig } from './config.js';
import { createRefresher, type Refresher } from './refresher.js';
import { RefresherModule } from './refresher.module.js';

export function refresherService(): ServiceOptions<typeof refresherConfig> {
  let refresher: Refresher | undefined;
  return {
    name: 'token-refresher',
    config: refresherConfig,
    module: async (host) => {
      refresher = await createRefresher(host);
      return RefresherModule.over(refresher);
    },
    strategies: () => (refresher === undefined ? [] : [refresher.messages]),
  };
}
