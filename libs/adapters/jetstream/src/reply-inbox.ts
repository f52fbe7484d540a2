import { KeywardError } from '@keyward/contracts';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { WildcardInbox } from './wildcard-inbox.js';

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

/** Answers to this process, over one wildcard subscription that lives as long as it does. */
export class ReplyInbox {
  private readonly inbox: WildcardInbox;
  private readonly waiters = new Map<string, Waiter>();

  constructor(nc: NatsConnection, prefix?: string) {
    this.inbox = new WildcardInbox(nc, (token, message) => this.deliver(token, message), prefix);
  }

  expect(timeoutMs: number, signal?: AbortSignal): ExpectedReply {
    const token = this.inbox.nextToken();
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
    return { subject: this.inbox.address(token), reply: promise, cancel: () => settle(() => undefined) };
  }

  /** What still waits is refused. */
  close(): void {
    this.inbox.close();
    const error = new KeywardError('dependency_unavailable', 'The service is stopping.');
    for (const waiter of [...this.waiters.values()]) waiter.reject(error);
  }

  /** A second answer, or one that nobody waits for any more, has no waiter. */
  private deliver(token: string, message: Msg): void {
    const waiter = this.waiters.get(token);
    if (waiter === undefined) return;
    try {
      waiter.resolve(message.json());
    } catch (cause) {
      waiter.reject(new KeywardError('internal', 'The answer could not be read.', { cause }));
    }
  }
}
