import { setTimeout as delay } from 'node:timers/promises';
import { KeywardError } from '@keyward/contracts';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { errors, MsgHdrsImpl, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { linkOf } from './link.js';
import { PubAcks } from './pub-acks.js';
import { injectTrace, producing } from './spans.js';

const DEFAULT_TIMEOUT_MS = 5000;
/** A lost ack is asked for again after this; the message id keeps the second one from counting. */
const ATTEMPT_TIMEOUT_MS = 1000;
const RETRY_PAUSE_MS = 50;
const MESSAGE_ID = 'Nats-Msg-Id';
const HEADER_NAME = /^[!-9;-~]+$/;
const LINE_BREAK = /[\r\n]/;

export interface PublishOptions {
  /** `Nats-Msg-Id`: unique in the stream, which drops a second message of the same id within its duplicate window. */
  msgId: string;
  headers?: Record<string, string>;
  /** Over all attempts. */
  timeoutMs?: number;
}

export interface Publisher {
  /**
   * Resolves once the stream has the message (PubAck).
   * @throws KeywardError `dependency_unavailable`, `request_too_large`, `invalid_request` (a header that cannot be sent)
   */
  publish(subject: string, payload: object, options: PublishOptions): Promise<void>;
}

export function createPublisher(nc: NatsConnection): Publisher {
  const acks = new PubAcks(nc);
  const link = linkOf(nc);

  /** One try. An answer of the server that says no is final; silence is not. */
  const attempt = async (subject: string, body: string, headers: MsgHdrs, timeoutMs: number) => {
    if (!link.up) await Promise.race([link.whenUp(), delay(timeoutMs, undefined, { ref: false })]);
    // What is published now is thrown away at the next dial.
    if (!link.up) throw new errors.TimeoutError();
    await acks.publish(subject, body, headers, timeoutMs);
  };

  const publish = async (subject: string, body: string, headers: MsgHdrs, timeoutMs: number) => {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const left = deadline - performance.now();
      try {
        return await attempt(subject, body, headers, Math.max(1, Math.min(ATTEMPT_TIMEOUT_MS, left)));
      } catch (error) {
        if (isFinal(error) || nc.isClosed() || performance.now() + RETRY_PAUSE_MS >= deadline) throw asPublishError(error);
      }
      await delay(RETRY_PAUSE_MS);
    }
  };

  return {
    publish: (subject, payload, options) =>
      producing(subject, () =>
        publish(subject, JSON.stringify(payload), headersOf(options), options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
      ),
  };
}

/** Made from a record, which is not checked, as setting them one by one costs several times as much; so they are checked here. */
function headersOf(options: PublishOptions): MsgHdrs {
  const headers: Record<string, string> = { ...options.headers, [MESSAGE_ID]: options.msgId };
  injectTrace(headers);
  const record: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    // A line break would begin a header of its own.
    if (!HEADER_NAME.test(name) || LINE_BREAK.test(value)) {
      throw new KeywardError('invalid_request', 'A header of the message holds a character that it must not.');
    }
    record[name] = [value];
  }
  return MsgHdrsImpl.fromRecord(record);
}

/** The stream refused (full, gone, wrong request) or the message can never be sent: asking again changes nothing. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError ||
    error instanceof errors.InvalidArgumentError ||
    error instanceof errors.PermissionViolationError
  );
}

/** Whether the stream held something already, where the message was to be the first of its subject. */
export function isRefusedSequence({ cause }: KeywardError): boolean {
  return cause instanceof JetStreamApiError && cause.code === JetStreamApiCodes.StreamWrongLastSequence;
}

function asPublishError(cause: unknown): KeywardError {
  if (cause instanceof errors.InvalidArgumentError) {
    return new KeywardError('request_too_large', 'The message is larger than the message bus accepts.', { cause });
  }
  return new KeywardError('dependency_unavailable', 'The message bus did not accept the message.', { cause });
}
