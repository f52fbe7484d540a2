import { Client } from 'pg';

const CONNECT_TIMEOUT_MS = 5_000;

export interface ListenerSettings {
  url: string;
  applicationName: string;
  channel: string;
  /** Called after LISTEN took effect, since what was notified before is lost, and on every notification. */
  onWake: () => void;
}

/**
 * A connection of its own for LISTEN: a pooled one would be handed to someone else. It is not kept alive by itself; whoever polls
 * calls {@link ensure} again.
 */
export class NotificationListener {
  private client: Client | undefined;

  constructor(private readonly settings: ListenerSettings) {}

  /** Connects where there is no live connection. @throws what pg throws. */
  async ensure(): Promise<void> {
    if (this.client !== undefined) return;
    const client = new Client({
      connectionString: this.settings.url,
      application_name: this.settings.applicationName,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    const forget = (): void => {
      if (this.client === client) this.client = undefined;
    };
    client.on('error', forget);
    client.on('end', forget);
    client.on('notification', this.settings.onWake);
    this.client = client;
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(this.settings.channel)}`);
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
    this.settings.onWake();
  }

  async close(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    await client?.end().catch(() => undefined);
  }
}
