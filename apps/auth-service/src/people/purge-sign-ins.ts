import type { Logger } from 'pino';
import { everyHour } from '../background/every-hour.js';
import type { SessionStore } from './session-store.js';

/** No code of a command line lives nearly as long, so that none finds its session gone and makes another. */
const KEEP_MS = 24 * 3_600_000;

/** Every hour removes sign-ins that ended a day ago. @returns what stops it */
export function purgeSignInsHourly(store: SessionStore, logger: Logger): () => void {
  const purge = () => store.purge(new Date(Date.now() - KEEP_MS));
  return everyHour(purge, (error) => logger.warn({ err: error }, 'old sign-ins could not be removed'));
}
