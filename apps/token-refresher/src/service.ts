import type { ServiceOptions } from '@keyward/service-host';
import { refresherConfig } from './config.js';
import { createRefresher, type Refresher } from './refresher.js';
import type { OnStep } from './refresh/steps.js';
import { RefresherModule } from './refresher.module.js';

export interface RefresherOptions {
  /** Follows every refresh step by step. */
  onStep?: OnStep;
}

export function refresherService(options: RefresherOptions = {}): ServiceOptions<typeof refresherConfig> {
  let refresher: Refresher | undefined;
  return {
    name: 'token-refresher',
    config: refresherConfig,
    module: async (host) => {
      refresher = await createRefresher(host, options.onStep);
      return RefresherModule.over(refresher);
    },
    strategies: () => (refresher === undefined ? [] : [refresher.messages]),
  };
}
