import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node';

const NANOS_PER_MS = 1_000_000;

/**
 * One delivery of a stored message. Its place in the stream and how often it was delivered stand in the subject to acknowledge on:
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<stored, nanoseconds since 1970>.…`, with `<domain>.<account>` after
 * `ACK` where the server has domains.
 */
export class Delivery {
  readonly deliveries: number;
  readonly sequence: number;
  /** Milliseconds since 1970, by the clock of the bus. */
  readonly storedAt: number;
  private settled = false;

  constructor(
    private readonly nc: NatsConnection,
    private readonly message: Msg,
  ) {
    const tokens = this.ackSubject.split('.');
    const base = tokens.length >= 11 ? 6 : 4;
    this.deliveries = Number(tokens[base]);
    this.sequence = Number(tokens[base + 1]);
    this.storedAt = Number(tokens[base + 3]) / NANOS_PER_MS;
  }

  get subject(): string {
    return this.message.subject;
  }

  get headers(): MsgHdrs | undefined {
    return this.message.headers;
  }

  get data(): Uint8Array {
    return this.message.data;
  }

  json(): unknown {
    return this.message.json();
  }

  ack(): void {
    this.settle('+ACK');
  }

  /** @param delayMs above 0: a message that comes back at once is tried again before its cause can have passed. */
  nak(delayMs: number): void {
    this.settle(`-NAK {"delay":${Math.max(1, Math.round(delayMs)) * NANOS_PER_MS}}`);
  }

  /** Without a reason: nats-server 2.9 redelivers a message that was terminated with one. */
  term(): void {
    this.settle('+TERM');
  }

  /** Tells the server that this is still being worked on. */
  working(): void {
    if (!this.settled) this.nc.publish(this.ackSubject, '+WPI');
  }

  private get ackSubject(): string {
    return this.message.reply ?? '';
  }

  private settle(verdict: string): void {
    if (this.settled) return;
    this.settled = true;
    this.nc.publish(this.ackSubject, verdict);
  }
}
