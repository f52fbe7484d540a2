import { randomBytes } from 'node:crypto';
import { newId, streams, type CreatedWebhookEndpoint, type WebhookDelivery, type WebhookEndpoint } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import { AuthHarness, type HarnessOptions } from './harness.js';
import { WebhookReceiver, type Received } from './webhook-receiver.js';

/** auth-service and two servers that it may tell: every endpoint of a test has a path of its own there. */
export class WebhookWorld {
  private constructor(
    readonly auth: AuthHarness,
    readonly receiver: WebhookReceiver,
    readonly other: WebhookReceiver,
    /** An organization that no test is about. */
    private readonly bystander: string,
  ) {}

  static async start(options: HarnessOptions = {}): Promise<WebhookWorld> {
    const [receiver, other] = await Promise.all([WebhookReceiver.start(), WebhookReceiver.start()]);
    const auth = await AuthHarness.start({ ...options, privateOrigins: [receiver.origin, other.origin] });
    const world = new WebhookWorld(auth, receiver, other, (await auth.team()).org);
    await world.listening();
    const told = { url: `${other.origin}/bystander`, events: ['connection.revoked'] };
    await world.endpoint(world.bystander, '/', told);
    return world;
  }

  /** The consumer is made in the background: what happens before is not its business. */
  async listening(): Promise<void> {
    const jsm = await jetstreamManager(this.auth.nc);
    const found = () => jsm.consumers.info(streams.connections, 'auth-service-webhooks').catch(() => undefined);
    await waitFor(async () => (await found()) !== undefined, { what: 'the consumer of events' });
  }

  async stop(): Promise<void> {
    await Promise.all([this.receiver.stop(), this.other.stop()]);
    await this.auth.stop();
  }

  /** Where nobody was before. */
  path(): string {
    return `/${randomBytes(8).toString('hex')}`;
  }

  async endpoint(org: string, path: string, more: object = {}): Promise<CreatedWebhookEndpoint> {
    const body = { organization: org, url: this.receiver.origin + path, ...more };
    const { status, body: made } = await this.auth.ask<CreatedWebhookEndpoint>('/v1/webhook-endpoints', { body });
    if (status !== 201) throw new Error(JSON.stringify(made));
    return made;
  }

  async read({ id, organization }: WebhookEndpoint): Promise<WebhookEndpoint> {
    return (await this.auth.ask<WebhookEndpoint>(`/v1/webhook-endpoints/${id}?organization=${organization}`)).body;
  }

  async deliveries({ id, organization }: WebhookEndpoint): Promise<WebhookDelivery[]> {
    const path = `/v1/webhook-endpoints/${id}/deliveries?organization=${organization}`;
    return (await this.auth.ask<{ deliveries: WebhookDelivery[] }>(path)).body.deliveries;
  }

  /** Waits until the endpoint's only delivery, or the newest, is so. */
  delivery(endpoint: WebhookEndpoint, is: (delivery: WebhookDelivery) => boolean): Promise<WebhookDelivery> {
    return waitFor(async () => (await this.deliveries(endpoint)).slice(0, 1).find(is), { what: 'the delivery' });
  }

  arrived(path: string, count = 1): Promise<Received[]> {
    const come = () => this.receiver.at(path);
    return waitFor(() => (come().length >= count ? come() : undefined), { what: `${count} messages` });
  }

  /** As token-refresher publishes it. @returns its id */
  async publish(org: string, event = 'needs_reauthorization', more: object = {}): Promise<string> {
    const id = newId('msg');
    const about = { connection: newId('conn'), user: 'usr_ada', agent: newId('agt'), provider: 'sandbox', generation: 3 };
    const payload = { id, event, at: new Date().toISOString(), org, ...about, ...more };
    this.auth.nc.publish(`connection.${event}.${org}`, JSON.stringify(payload));
    await this.auth.nc.flush();
    return id;
  }

  /** As if the time until the next attempt were over; a message for somebody else wakes who delivers, so that a test need not wait. */
  async hurry(message: string): Promise<void> {
    await this.auth.database.query(`UPDATE notification.webhook_delivery SET next_attempt_at = now() WHERE event_id = $1`, [
      message,
    ]);
    await this.publish(this.bystander, 'revoked');
  }
}
