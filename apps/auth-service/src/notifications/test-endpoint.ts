import { newId, type WebhookTest } from '@keyward/contracts';
import { withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { delivered, type SendMessage } from './send-message.js';
import { findEndpoint } from './webhook-endpoints.js';

/** Sends a `webhook.test`, also to an endpoint that is disabled. Nothing is kept of it. */
export class TestEndpoint {
  constructor(
    private readonly dataSource: DataSource,
    private readonly sending: SendMessage,
  ) {}

  /** @throws KeywardError `not_found`, `revoked` (the organization was shredded), `dependency_unavailable` */
  async test(org: string, id: string): Promise<WebhookTest> {
    const { endpoint, now } = await withOrg(this.dataSource, org, async (em) => {
      const [clock] = (await em.query('SELECT now() AS now')) as { now: Date }[];
      return { endpoint: await findEndpoint(em, org, id), now: clock?.now ?? new Date() };
    });
    const { url, secretGeneration, sealedSecret, previousSealedSecret, previousSecretUntil } = endpoint;
    const both = previousSecretUntil !== null && previousSecretUntil > now;
    const target = {
      ...{ org, endpoint: id, url, secretGeneration, sealedSecret },
      previousSealedSecret: both ? previousSealedSecret : null,
    };
    const message = newId('msg');
    const body = { type: 'webhook.test', timestamp: now.toISOString(), data: { organization: org, endpoint: id } };
    const attempt = await this.sending.send(target, { id: message, sentAt: now, body: JSON.stringify(body) });
    const { status, error, durationMs } = attempt;
    return { endpoint: id, message, delivered: delivered(attempt), status, error, durationMs, testedAt: now.toISOString() };
  }
}
