import { KeywardError } from '@keyward/contracts';
import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';

export interface ExpectedReply {
  /** Where the answer is to be sent. */
  subject: string;
  /** The parsed JSON of the answer. Rejects with `deadline_exceeded`, or with the signal's reason. */
  reply: Promise<unknown>;
  /** Stops waiting; `reply` then never settles. For when the question could not be asked. */
  cancel(): void;
}

interface Waiter {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Answers to this process, over one wildcard subscription that lives as long as it does: subscribing per question would cost the
 * server a round of interest updates each.
 */
export class ReplyInbox {
  private readonly base: string;
  private readonly subscription: Subscription;
  private readonly waiters = new Map<string, Waiter>();
  private counter = 0;

  constructor(nc: NatsConnection, prefix = '_INBOX') {
    this.base = `${createInbox(prefix)}.`;
    this.subscription = nc.subscribe(`${this.base}*`, { callback: (_error, message) => this.deliver(message) });
  }

  expect(timeoutMs: number, signal?: AbortSignal): ExpectedReply {
    const token = (this.counter++).toString(36);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    // Whoever asked may have failed before it began to wait.
    promise.catch(() => undefined);
    const abort = () => settle(() => reject(signal?.reason));
    const timer = setTimeout(
      () => settle(() => reject(new KeywardError('deadline_exceeded', 'No answer arrived in time.'))),
      timeoutMs,
    );
    const settle = (end: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.waiters.delete(token);
      end();
    };
    this.waiters.set(token, { resolve: (value) => settle(() => resolve(value)), reject: (error) => settle(() => reject(error)) });
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    return { subject: this.base + token, reply: promise, cancel: () => settle(() => undefined) };
  }

  /** What still waits is refused. */
  close(): void {
    this.subscription.unsubscribe();
    const error = new KeywardError('dependency_unavailable', 'The service is stopping.');
    for (const waiter of [...this.waiters.values()]) waiter.reject(error);
  }

  /** A second answer, or one that nobody waits for any more, has no waiter. */
  private deliver(message: Msg): void {
    const waiter = this.waiters.get(message.subject.slice(this.base.length));
    if (waiter === undefined) return;
    try {
      waiter.resolve(message.json());
    } catch (cause) {
      waiter.reject(new KeywardError('internal', 'The answer could not be read.', { cause }));
    }
  }
}
