import type { ServiceOptions } from '@keyward/service-host';
import { executorConfig } from './config.js';
import { createExecutor, type CreatedExecutor } from './create-executor.js';
import { ExecutorModule } from './executor.module.js';

export function executorService(): ServiceOptions<typeof executorConfig> {
  let doors: CreatedExecutor['doors'] = [];
  return {
    name: 'tool-executor',
    config: executorConfig,
    module: async (host) => {
      const created = await createExecutor(host);
      ({ doors } = created);
      return ExecutorModule.over(created.executor);
    },
    strategies: () => doors,
  };
}
