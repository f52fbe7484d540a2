import type { ConfigFragments } from './config/fragment.js';
import { ConfigError, EX_CONFIG } from './config/load.js';
import { giveBackMemoryOfStarting } from './give-back-memory.js';
import type { ServiceOptions } from './host.js';
import { StoppedWhileStarting } from './lifecycle.js';
import { startService, type RunningService } from './start-service.js';

/** A service's whole `main`: starts it, keeps it until SIGTERM or SIGINT, drains it, ends the process: 0 asked to, 1 failed. */
export async function runService<F extends ConfigFragments>(options: ServiceOptions<F>): Promise<void> {
  const service = await startOrExplain(options);
  const stop = (signal: string) => void stopAndExit(service, signal);
  // A second signal changes nothing: the drain is bounded by its timeout already.
  process.on('SIGTERM', stop).on('SIGINT', stop);
  process.on('uncaughtException', (error) => crash(service, error));
  process.on('unhandledRejection', (reason) => crash(service, reason));
  try {
    await service.started;
    giveBackMemoryOfStarting();
  } catch (error) {
    if (!(error instanceof StoppedWhileStarting)) crash(service, error);
  }
}

async function startOrExplain<F extends ConfigFragments>(options: ServiceOptions<F>): Promise<RunningService> {
  try {
    return await startService(options, process.env);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${options.name} cannot start. ${text}\n`);
    process.exit(error instanceof ConfigError ? EX_CONFIG : 1);
  }
}

let exiting = false;

async function stopAndExit(service: RunningService, signal: string): Promise<void> {
  if (exiting) return;
  exiting = true;
  service.logger.info({ signal }, `${service.name} is draining`);
  setTimeout(() => {
    service.logger.error({ timeoutMs: service.drainTimeoutMs }, 'the drain did not end in time; what is in flight is given up');
    process.exit(1);
  }, service.drainTimeoutMs);
  await service.stop();
  process.exit(0);
}

/** State is unknown after an error that nobody caught: say so and leave; work in flight is redelivered. */
function crash(service: RunningService, error: unknown): never {
  try {
    service.logger.fatal({ err: error }, `${service.name} failed and ends`);
  } finally {
    // Also when it was the log that failed: its reader may be gone.
    process.exit(1);
  }
}
