import { KeywardError, newId, type WebhookTest } from '@keyward/contracts';
import { withOrg } from '@keyward/postgres';
import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { delivered, type SendMessage } from './send-message.js';
import { findEndpoint } from './webhook-endpoints.js';

/** Of an organization, at this process: ten at once, then one every six seconds. */
const BURST = 10;
const EVERY_MS = 6_000;
/** Organizations remembered; whoever is forgotten begins anew. */
const REMEMBERED = 10_000;

/** Sends a `webhook.test`, also to an endpoint that is disabled. Nothing is kept of it. */
export class TestEndpoint {
  /** When the next one would come if they came evenly (GCRA), by this process's monotonic clock. */
  readonly #next = new LRUCache<string, number>({ max: REMEMBERED });

  constructor(
    private readonly dataSource: DataSource,
    private readonly sending: SendMessage,
  ) {}

  /**
   * @throws KeywardError `not_found`, `rate_limited` (a receiver is not to be flooded, nor the network felt out), `revoked` (the
   * organization was shredded), `dependency_unavailable`
   */
  async test(org: string, id: string): Promise<WebhookTest> {
    const { endpoint, now } = await withOrg(this.dataSource, org, async (em) => {
      const [clock] = (await em.query('SELECT now() AS now')) as { now: Date }[];
      return { endpoint: await findEndpoint(em, org, id), now: clock?.now ?? new Date() };
    });
    this.#takeTurn(org);
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

  #takeTurn(org: string): void {
    const now = performance.now();
    const next = Math.max(this.#next.get(org) ?? now, now);
    const retryAfterMs = Math.ceil(next - now - (BURST - 1) * EVERY_MS);
    if (retryAfterMs > 0) {
      const sentence = 'Too many tests of webhook endpoints. Try again in a moment.';
      throw new KeywardError('rate_limited', sentence, { details: { retryAfterMs } });
    }
    this.#next.set(org, next + EVERY_MS);
  }
}
