import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';

/**
 * Addresses that one subscription hears all of, for as long as it stands: subscribing per question would cost the server a round of
 * interest updates each.
 */
export class WildcardInbox {
  /** Resolves when nothing is heard any more; with an error when the server does not permit the subscription. */
  readonly closed: Promise<Error | undefined>;
  private readonly base: string;
  private readonly subscription: Subscription;
  private counter = 0;

  /** @param hear gets each message with the token of the address that it came to */
  constructor(nc: NatsConnection, hear: (token: string, message: Msg) => void, prefix?: string) {
    this.base = `${createInbox(prefix)}.`;
    this.subscription = nc.subscribe(`${this.base}*`, {
      callback: (error, message) => {
        // With an error comes no message; `closed` has it.
        if (error === null) hear(message.subject.slice(this.base.length), message);
      },
    });
    this.closed = this.subscription.closed.then((error) => error ?? undefined);
  }

  /** A token that was not given out before. */
  nextToken(): string {
    return (this.counter++).toString(36);
  }

  address(token: string): string {
    return this.base + token;
  }

  close(): void {
    this.subscription.unsubscribe();
  }
}
