import { setTimeout as delay } from 'node:timers/promises';
import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { linkOf } from '../link.js';

/** Milliseconds before each further try; together longer than an asker needs to find the server again. */
const RETRY_AFTER_MS = [50, 100, 200, 400, 800, 1600, 3200];
/** The server answers "nobody listens" at once; after this it is not going to. */
const REMEMBER_MS = 2000;
const NO_RESPONDERS = 503;

interface SentReply {
  subject: string;
  body: string;
  attempt: number;
}

/**
 * Sends answers to inboxes. A core message to somebody who is just reconnecting would vanish, so each one names a reply subject of
 * ours, on which the server says when nobody listened; then it is sent again. An asker who listens costs nothing more.
 */
export class ReplySender {
  private readonly base = `${createInbox()}.`;
  private readonly subscription: Subscription;
  private readonly sweeper: NodeJS.Timeout;
  private readonly retrying = new Set<Promise<void>>();
  private recent = new Map<string, SentReply>();
  private older = new Map<string, SentReply>();
  private counter = 0;

  /** @param abandoned from when on nothing waits for the connection any more */
  constructor(
    private readonly nc: NatsConnection,
    private readonly abandoned: AbortSignal,
  ) {
    this.subscription = nc.subscribe(`${this.base}*`, { callback: (_error, message) => this.hear(message) });
    this.sweeper = setInterval(() => this.forget(), REMEMBER_MS).unref();
  }

  async send(subject: string, payload: object): Promise<void> {
    const link = linkOf(this.nc);
    if (!link.up) await link.whenUp(this.abandoned);
    this.publish({ subject, body: JSON.stringify(payload), attempt: 0 });
  }

  /** Resolves when every answer has reached the server, and those that found nobody have been tried to the end. */
  async close(): Promise<void> {
    // Fails when the connection breaks meanwhile: then there is nothing more to hear either.
    if (linkOf(this.nc).up && !this.nc.isClosed()) await this.nc.flush().catch(() => undefined);
    while (this.retrying.size > 0) await Promise.allSettled(this.retrying);
    clearInterval(this.sweeper);
    this.subscription.unsubscribe();
  }

  private publish(reply: SentReply): void {
    const token = (this.counter++).toString(36);
    this.recent.set(token, reply);
    this.nc.publish(reply.subject, reply.body, { reply: this.base + token });
  }

  private hear(message: Msg): void {
    const token = message.subject.slice(this.base.length);
    const reply = this.recent.get(token) ?? this.older.get(token);
    const pause = reply === undefined ? undefined : RETRY_AFTER_MS[reply.attempt];
    if (reply === undefined || pause === undefined || message.headers?.code !== NO_RESPONDERS) return;
    const again = this.sendAgain({ ...reply, attempt: reply.attempt + 1 }, pause).finally(() => this.retrying.delete(again));
    this.retrying.add(again);
  }

  private async sendAgain(reply: SentReply, pauseMs: number): Promise<void> {
    await delay(pauseMs);
    await linkOf(this.nc).whenUp(this.abandoned);
    if (!this.nc.isClosed()) this.publish(reply);
  }

  private forget(): void {
    this.older = this.recent;
    this.recent = new Map();
  }
}
