import type { MsgHdrs } from '@nats-io/transport-node';

/** Second argument of a handler. */
export interface JetStreamContext {
  readonly subject: string;
  readonly headers: MsgHdrs | undefined;
  /** 1 on the first delivery. */
  readonly deliveries: number;
  /** Milliseconds since 1970, by the clock of the bus, see BusClock: when the message was stored. */
  readonly storedAt: number;
  /** Where the asker waits, from the header and validated; absent when nobody does. */
  readonly replyTo: string | undefined;
  /** Aborts at the message's deadline, and when the service must stop and has waited long enough. */
  readonly signal: AbortSignal;
  /** Answers the asker, if there is one. Sent before the message is acknowledged. */
  reply(payload: object): Promise<void>;
}
