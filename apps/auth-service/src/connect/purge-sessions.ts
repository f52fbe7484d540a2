import { prepared } from '@keyward/postgres';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { everyHour } from '../background/every-hour.js';

/** After its expiry a link is of use only to whoever looks into what happened to it. */
const KEEP_MS = 30 * 24 * 3_600_000;
const PURGE = { name: 'auth_purge_sessions', text: 'SELECT connect.purge_sessions($1)::int AS purged' };

/** Removes links that expired long ago. @throws KeywardError `dependency_unavailable` */
export async function purgeSessions(dataSource: DataSource, now: Date): Promise<number> {
  const [row] = await prepared<{ purged: number }>(dataSource, PURGE, [new Date(now.getTime() - KEEP_MS)]);
  return row?.purged ?? 0;
}

/** @returns what stops it */
export function purgeSessionsHourly(dataSource: DataSource, logger: Logger): () => void {
  const purge = async () => {
    const purged = await purgeSessions(dataSource, new Date());
    if (purged > 0) logger.info({ purged }, 'links that expired long ago were removed');
  };
  return everyHour(purge, (error) => logger.warn({ err: error }, 'old links could not be removed'));
}
