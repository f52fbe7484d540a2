import { readFileSync } from 'node:fs';
import { subjects } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { connect, credsAuthenticator, headers as createHeaders, type Msg, type NatsConnection } from '@nats-io/transport-node';

type Json = Record<string, unknown>;

/** An agent by hand, that can do what the SDK never would. */
export class AgentClient {
  /** What the server refused on this connection. */
  readonly refusals: string[] = [];
  readonly outcomes: { subject: string; result: Json }[] = [];
  readonly receipts: { subject: string; body: Json }[] = [];
  private counter = 0;

  private constructor(
    readonly nc: NatsConnection,
    readonly org: string,
    readonly agent: string,
  ) {}

  static async connect(url: string, credsFile: string, { org, agent }: { org: string; agent: string }): Promise<AgentClient> {
    const authenticator = credsAuthenticator(readFileSync(credsFile));
    const client = new AgentClient(await connect({ servers: url, authenticator, inboxPrefix: `_INBOX.${agent}` }), org, agent);
    void client.watch();
    client.nc.subscribe(`_INBOX.${agent}.>`, {
      callback: (_error, { subject, data }) => void client.receipts.push({ subject, body: parse(data) }),
    });
    client.nc.subscribe(`tool.result.${org}.${agent}.>`, {
      callback: (_error, { subject, data }) => void client.outcomes.push({ subject, result: parse(data) }),
    });
    await client.nc.flush();
    return client;
  }

  /** @returns the reply subject that was given along. */
  send(payload: unknown, options: { reply?: string | null; headers?: [string, string][]; subject?: string } = {}): string {
    const own = `_INBOX.${this.agent}.${++this.counter}`;
    const reply = options.reply === null ? undefined : (options.reply ?? own);
    const sent = createHeaders();
    for (const [name, value] of options.headers ?? []) sent.append(name, value);
    const data = typeof payload === 'string' || payload instanceof Uint8Array ? payload : JSON.stringify(payload);
    this.nc.publish(options.subject ?? subjects.toolExecute(this.org, this.agent), data, {
      headers: sent,
      ...(reply === undefined ? {} : { reply }),
    });
    return own;
  }

  receipt(reply: string): Promise<Json> {
    return waitFor(() => this.receipts.find(({ subject }) => subject === reply)?.body, { what: 'a receipt' });
  }

  outcome(id?: unknown): Promise<Json> {
    return waitFor(() => this.outcomes.find(({ result }) => id === undefined || result['id'] === id)?.result, {
      what: 'an outcome',
    });
  }

  private async watch(): Promise<void> {
    for await (const status of this.nc.status()) if (status.type === 'error') this.refusals.push(String(status.error));
  }
}

function parse(data: Msg['data']): Json {
  return data.length === 0 ? {} : (JSON.parse(new TextDecoder().decode(data)) as Json);
}
