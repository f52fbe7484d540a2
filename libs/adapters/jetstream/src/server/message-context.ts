import { headers as names, KeywardError } from '@keyward/contracts';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { JetStreamContext } from './context.js';
import type { Delivery } from './delivery.js';
import type { ReplySender } from './reply-sender.js';

/**
 * An inbox and nothing else. The server acts on what is published to `$JS…` and `$SYS…` with our permissions, and a wildcard or a
 * foreign subject would tell the answer to whoever the sender likes.
 */
const INBOX = /^_INBOX(\.[A-Za-z0-9_-]+)+$/;

/** @throws KeywardError `invalid_request` when the header holds anything but an inbox */
export function replySubjectOf(headers: MsgHdrs | undefined): string | undefined {
  const subject = headers?.get(names.replyTo);
  if (subject === undefined || subject === '') return undefined;
  if (!INBOX.test(subject)) throw new KeywardError('invalid_request', 'The reply subject is not an inbox.');
  return subject;
}

export class MessageContext implements JetStreamContext {
  private aborted: KeywardError | undefined;
  private controller: AbortController | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly delivery: Delivery,
    readonly replyTo: string | undefined,
    private readonly deadline: Date | undefined,
    private readonly replies: ReplySender,
  ) {}

  get subject(): string {
    return this.delivery.subject;
  }

  get headers(): MsgHdrs | undefined {
    return this.delivery.headers;
  }

  get deliveries(): number {
    return this.delivery.deliveries;
  }

  get storedAt(): number {
    return this.delivery.storedAt;
  }

  /** Made when first asked for: most handlers bring their own deadline. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.aborted !== undefined) this.controller.abort(this.aborted);
      else if (this.deadline !== undefined) this.timer = setTimeout(() => this.expire(), this.deadline.getTime() - Date.now());
    }
    return this.controller.signal;
  }

  get expired(): boolean {
    return this.deadline !== undefined && Date.now() >= this.deadline.getTime();
  }

  expire(): void {
    this.abort(new KeywardError('deadline_exceeded', 'The deadline has passed.'));
  }

  abort(reason: KeywardError): void {
    this.aborted ??= reason;
    this.controller?.abort(reason);
  }

  async reply(payload: object): Promise<void> {
    if (this.replyTo !== undefined) await this.replies.send(this.replyTo, payload);
  }

  dispose(): void {
    clearTimeout(this.timer);
  }
}
