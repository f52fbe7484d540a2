import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

const DAY_MS = 86_400_000;
const CHECK_EVERY_MS = 3_600_000;
const DAYS_AHEAD = 3;

const ENSURE = { name: 'audit_ensure_partition', text: 'SELECT audit.ensure_partition($1::date)' };

/** The two methods of the service's logger that are needed here. */
export interface PartitionLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Day partitions of the trail, UTC. Made before they are needed, and again where an event asks for a day that has none. */
export class Partitions {
  /** Days known to have a partition, `YYYY-MM-DD`. */
  private readonly known = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: DataSource,
    private readonly log: PartitionLog,
  ) {}

  start(): void {
    const ahead = (): void => void (this.running = this.ensureAhead(new Date()));
    ahead();
    this.timer = setInterval(ahead, CHECK_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** @param times RFC 3339 UTC. @throws KeywardError `dependency_unavailable` */
  async ensure(times: Iterable<string>): Promise<void> {
    const days = new Set(Array.from(times, (time) => time.slice(0, 10)));
    for (const day of days) {
      if (this.known.has(day)) continue;
      await prepared(this.database, ENSURE, [day]);
      this.known.add(day);
      this.log.info({ day }, 'the trail has a partition for this day');
    }
  }

  /** After a partition turned out to be gone, as old ones may be dropped. */
  forget(): void {
    this.known.clear();
  }

  private async ensureAhead(now: Date): Promise<void> {
    const days = Array.from({ length: DAYS_AHEAD + 1 }, (_, day) => new Date(now.getTime() + day * DAY_MS).toISOString());
    await this.ensure(days).catch((error: unknown) =>
      this.log.warn({ err: error }, 'partitions could not be made ahead; they will be when an event needs them'),
    );
  }
}
