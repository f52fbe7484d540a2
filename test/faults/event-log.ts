import { streams } from '@keyward/contracts';
import { jetstreamManager } from '@nats-io/jetstream';
import type { World } from '../../apps/token-refresher/test/world.js';

export interface Told {
  id: string;
  connection: string;
  /** `refreshed` of a connection event, `connection.refreshed` of an audit event. */
  what: string;
  generation: number;
  reason: string | undefined;
}

/** Of a connection event, or of an audit event. */
type Message = Omit<Told, 'what'> & ({ event: string; type?: undefined } | { event?: undefined; type: string });

/** What has been published about connections since it was made. */
export class EventLog {
  private constructor(
    private readonly world: World,
    private readonly from: ReadonlyMap<string, number>,
  ) {}

  static async start(world: World): Promise<EventLog> {
    const manager = await jetstreamManager(world.nc);
    const from = new Map<string, number>();
    for (const name of [streams.connections, streams.audit]) {
      const { state } = await manager.streams.info(name);
      from.set(name, state.last_seq + 1);
    }
    return new EventLog(world, from);
  }

  /** Once nothing waits to be published any more. */
  async read(): Promise<Told[]> {
    const manager = await jetstreamManager(this.world.nc);
    const told: Told[] = [];
    for (const [name, first] of this.from) {
      const { state } = await manager.streams.info(name);
      for (let seq = first; seq <= state.last_seq; seq++) {
        const message = await manager.streams.getMessage(name, { seq }).catch(() => null);
        if (message === null) continue;
        const { id, connection, event, type, generation, reason } = message.json<Message>();
        told.push({ id, connection, what: event ?? type, generation, reason });
      }
    }
    return told;
  }

  async outboxIsEmpty(): Promise<boolean> {
    const { rowCount } = await this.world.admin.query('SELECT 1 FROM bus.outbox LIMIT 1');
    return rowCount === 0;
  }
}
