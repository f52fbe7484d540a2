import { JetStreamApiError, JetStreamError, type ApiError, type PubAck } from '@nats-io/jetstream';
import { errors, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { linkOf } from './link.js';
import { WildcardInbox } from './wildcard-inbox.js';

/** How exactly timeouts are kept: a timer for each message would cost more than the message. */
const SWEEP_MS = 50;
const NO_RESPONDERS = 503;

interface Waiting {
  subject: string;
  /** Of `performance.now()`. */
  deadline: number;
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Publishes to streams and waits for their acks, all of which come to one inbox. What a request of the client library costs besides
 * (a timer, several promises and errors) is a good part of a service's work when it publishes for every call.
 */
export class PubAcks {
  private readonly waiting = new Map<string, Waiting>();
  private inbox: WildcardInbox | undefined;
  private sweeper: NodeJS.Timeout | undefined;

  constructor(private readonly nc: NatsConnection) {
    linkOf(nc).onError((error) => this.refused(error));
  }

  /**
   * Goes out with whatever else is published in the same turn.
   * @throws JetStreamApiError the stream refused the message
   * @throws errors.PermissionViolationError this login may not publish there, or not hear the answer
   * @throws errors.InvalidArgumentError larger than the server takes
   * @throws errors.NoRespondersError no stream has that subject, now
   * @throws errors.TimeoutError silence
   */
  async publish(subject: string, payload: string, headers: MsgHdrs, timeoutMs: number): Promise<void> {
    const inbox = (this.inbox ??= this.open());
    const token = inbox.nextToken();
    this.nc.publish(subject, payload, { headers, reply: inbox.address(token) });
    this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
    return new Promise((resolve, reject) => {
      this.waiting.set(token, { subject, deadline: performance.now() + timeoutMs, resolve, reject });
    });
  }

  /** An inbox ends with its connection, or when the server does not permit it: the next message tries another one. */
  private open(): WildcardInbox {
    const inbox = new WildcardInbox(this.nc, (token, message) => this.hear(token, message));
    void inbox.closed.then((error) => {
      this.inbox = undefined;
      this.rejectWhere(() => true, error ?? new errors.ClosedConnectionError());
    });
    return inbox;
  }

  private hear(token: string, message: Msg): void {
    const waiter = this.waiting.get(token);
    if (waiter === undefined) return;
    this.waiting.delete(token);
    const refusal = refusalIn(message, waiter.subject);
    if (refusal === undefined) waiter.resolve();
    else waiter.reject(refusal);
  }

  /** The server names the subject that it refused, and no message. */
  private refused(error: Error): void {
    if (!(error instanceof errors.PermissionViolationError) || error.operation !== 'publish') return;
    this.rejectWhere(({ subject }) => subject === error.subject, error);
  }

  private sweep(): void {
    const now = performance.now();
    this.rejectWhere(({ deadline }) => deadline <= now, new errors.TimeoutError());
    if (this.waiting.size > 0) return;
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }

  private rejectWhere(applies: (waiter: Waiting) => boolean, error: Error): void {
    for (const [token, waiter] of this.waiting) {
      if (!applies(waiter)) continue;
      this.waiting.delete(token);
      waiter.reject(error);
    }
  }
}

/** Only an ack that names a stream says that the message is stored; anybody may answer on a subject that no stream has. */
function refusalIn(message: Msg, subject: string): Error | undefined {
  if (message.data.length === 0 && message.headers?.code === NO_RESPONDERS) return new errors.NoRespondersError(subject);
  try {
    const ack = message.json<(Partial<PubAck> & { error?: ApiError }) | null>();
    if (ack?.error !== undefined) return new JetStreamApiError(ack.error);
    if (typeof ack?.stream === 'string' && ack.stream !== '') return undefined;
    return new JetStreamError('The answer is not the ack of a stream.');
  } catch (cause) {
    return new JetStreamError('The answer is not the ack of a stream.', { cause });
  }
}
