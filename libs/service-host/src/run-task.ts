import type { Logger } from 'pino';
import { hostConfig } from './config/host-config.js';
import type { ConfigFragments, ConfigOf } from './config/fragment.js';
import { ConfigError, EX_CONFIG, parseFragments, type Environment } from './config/load.js';
import { createLogger } from './log/logger.js';

/** Work that a process does once and then ends, such as a Kubernetes Job. */
export interface TaskOptions<F extends ConfigFragments> {
  name: string;
  config: F;
  run(task: { config: ConfigOf<F>; logger: Logger }): Promise<void>;
}

/** A task's whole `main`: reads the environment, works, ends the process with 0 only when all is done, as services do otherwise. */
export async function runTask<F extends ConfigFragments>(options: TaskOptions<F>): Promise<void> {
  const { name } = options;
  try {
    const { config, level } = loadTask(options.config, process.env);
    const logger = createLogger(name, level);
    await options.run({ config, logger }).catch((error: unknown) => {
      logger.fatal({ err: error }, `${name} failed`);
      process.exit(1);
    });
  } catch (error) {
    process.stderr.write(`${name} cannot start. ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(error instanceof ConfigError ? EX_CONFIG : 1);
  }
}

/** Every problem of the environment at once. @throws ConfigError */
function loadTask<F extends ConfigFragments>(fragments: F, env: Environment): { config: ConfigOf<F>; level: string } {
  const problems = new Set<string>();
  const config = parseFragments(fragments, env, problems);
  const { host } = parseFragments({ host: hostConfig }, env, problems);
  if (problems.size > 0) throw new ConfigError([...problems]);
  return { config, level: host.logLevel };
}
