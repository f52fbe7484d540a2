import type { JetStreamServer } from '@keyward/jetstream';
import type { ServiceOptions } from '@keyward/service-host';
import { executorConfig } from './config.js';
import { createExecutor } from './create-executor.js';
import { ExecutorModule } from './executor.module.js';

export function executorService(): ServiceOptions<typeof executorConfig> {
  let messages: JetStreamServer | undefined;
  return {
    name: 'tool-executor',
    config: executorConfig,
    module: async (host) => {
      const created = await createExecutor(host);
      messages = created.messages;
      return ExecutorModule.over(created.executor);
    },
    strategies: () => (messages === undefined ? [] : [messages]),
  };
}
