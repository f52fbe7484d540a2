import type { Logger } from 'pino';
import type { SessionStore } from './session-store.js';

const INTERVAL_MS = 3_600_000;
/** No code of a command line lives nearly as long, so that none finds its session gone and makes another. */
const KEEP_MS = 24 * INTERVAL_MS;

/** Every hour removes sign-ins that ended a day ago. @returns what stops it */
export function purgeSignInsHourly(store: SessionStore, logger: Logger): () => void {
  const purge = () => store.purge(new Date(Date.now() - KEEP_MS));
  const timer = setInterval(
    () => void purge().catch((error: unknown) => logger.warn({ err: error }, 'old sign-ins could not be removed')),
    INTERVAL_MS,
  );
  timer.unref();
  return () => clearInterval(timer);
}
