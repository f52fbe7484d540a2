import { prepared } from '@keyward/postgres';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { everyHour } from '../background/every-hour.js';

const KEEP_DAYS = 30;
/** In one statement. */
const BATCH = 5_000;
const PURGE = { name: 'auth_purge_webhook_deliveries', text: 'SELECT notification.purge_deliveries($1, $2)::int AS purged' };

/** Removes deliveries of long ago. @throws KeywardError `dependency_unavailable` */
export async function purgeDeliveries(dataSource: DataSource): Promise<number> {
  let total = 0;
  for (;;) {
    const [row] = await prepared<{ purged: number }>(dataSource, PURGE, [KEEP_DAYS, BATCH]);
    const purged = row?.purged ?? 0;
    total += purged;
    if (purged < BATCH) return total;
  }
}

/** @returns what stops it */
export function purgeDeliveriesHourly(dataSource: DataSource, logger: Logger): () => void {
  const purge = async () => {
    const purged = await purgeDeliveries(dataSource);
    if (purged > 0) logger.info({ purged }, 'webhook deliveries of long ago were removed');
  };
  return everyHour(purge, (error) => logger.warn({ err: error }, 'old webhook deliveries could not be removed'));
}
