import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

const RING = { name: 'bus.ring', text: `SELECT pg_notify('keyward_outbox', '')` };
const BETWEEN_RINGS_MS = 10;

/**
 * Wakes the relays of the outbox for any number of messages at once. The database makes transactions that notify wait for each other,
 * each until the one before is on disk; with one per commit there would be a few hundred refreshes per second and no more. A ring that is
 * lost delays a message until the relays look by themselves, within a second.
 */
export class OutboxBell {
  #wanted = false;
  #resting = false;

  constructor(private readonly ds: DataSource) {}

  ring(): void {
    this.#wanted = true;
    if (!this.#resting) void this.#ringNow();
  }

  async #ringNow(): Promise<void> {
    this.#wanted = false;
    this.#resting = true;
    await prepared(this.ds, RING, []).catch(() => undefined);
    setTimeout(() => {
      this.#resting = false;
      if (this.#wanted) void this.#ringNow();
    }, BETWEEN_RINGS_MS).unref();
  }
}
