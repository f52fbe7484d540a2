import { asKeywardError } from '@keyward/contracts';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { WorkLoop } from '../background/work-loop.js';
import { claimDeliveries, PLACES, type Claimed } from './claim.js';
import { messageOf, type MessageOptions } from './message.js';
import type { WebhookMetrics } from './metrics.js';
import type { Attempt, SendMessage } from './send-message.js';
import { giveBack, settle } from './settle.js';

const POLL_MS = 1_000;
/** For receivers to answer while we stop: one that takes its time is not to hold up everything else that has to end. */
const GRACE_MS = 3_000;

export interface DeliverMessagesOptions extends MessageOptions {
  dataSource: DataSource;
  sending: SendMessage;
  metrics: WebhookMetrics;
  logger: Logger;
}

/**
 * Works off what is to be delivered: each until its receiver has it or it is given up, across restarts and replicas. An attempt is a
 * lease; a process that dies in it is followed by another with the same message, which its id tells the receiver.
 */
export class DeliverMessages {
  readonly #inHand = new Map<Claimed, Promise<void>>();
  readonly #cut = new AbortController();
  readonly #loop: WorkLoop;

  constructor(private readonly options: DeliverMessagesOptions) {
    this.#loop = new WorkLoop({
      pollMs: POLL_MS,
      work: () => this.#begin(),
      onFailure: (error) => options.logger.warn({ err: error }, 'webhook messages have to wait'),
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** There may be more to do, or more room. */
  notify(): void {
    this.#loop.notify();
  }

  /** Resolves when the attempts in hand have ended; those that are cut short are somebody else's at once. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    const grace = setTimeout(() => this.#cut.abort(), GRACE_MS);
    await Promise.all(this.#inHand.values());
    clearTimeout(grace);
  }

  async #begin(): Promise<boolean> {
    if (this.#inHand.size >= PLACES) return false;
    const claimed = await claimDeliveries(this.options.dataSource, this.#inHand.keys());
    for (const one of claimed) {
      const work = this.#attempt(one).finally(() => {
        this.#inHand.delete(one);
        this.notify();
      });
      this.#inHand.set(one, work);
    }
    return claimed.length > 0;
  }

  async #attempt(claimed: Claimed): Promise<void> {
    const { logger, dataSource, metrics } = this.options;
    const { org_id: org, endpoint_id: endpoint, event_id: message, attempts, type: event } = claimed;
    const fields = { org, endpoint, message, attempts };
    try {
      const attempt = await this.#send(claimed);
      if (attempt.status === null && this.#cut.signal.aborted) return await giveBack(dataSource, claimed, 'now');
      const outcome = await settle(dataSource, claimed, attempt);
      metrics.seconds.observe(attempt.durationMs / 1000);
      metrics.attempts.inc({ event, outcome });
      const { status, error } = attempt;
      if (outcome !== 'delivered') logger.info({ ...fields, status, error, outcome }, 'a webhook message was not taken');
    } catch (error) {
      metrics.attempts.inc({ event, outcome: 'not_sent' });
      // The organization was shredded since it was claimed: it is not claimed again.
      if (asKeywardError(error).code === 'revoked') return;
      logger.warn({ ...fields, err: error }, 'a webhook message could not be sent; it waits for its lease');
      await giveBack(dataSource, claimed, 'later').catch(() => undefined);
    }
  }

  async #send(claimed: Claimed): Promise<Attempt> {
    const body = await messageOf(this.options, claimed);
    const target = {
      org: claimed.org_id,
      endpoint: claimed.endpoint_id,
      url: claimed.url,
      secretGeneration: claimed.secret_generation,
      sealedSecret: claimed.sealed_secret,
      previousSealedSecret: claimed.previous_sealed_secret,
    };
    return this.options.sending.send(target, { id: claimed.event_id, sentAt: claimed.claimed_at, body }, this.#cut.signal);
  }
}
