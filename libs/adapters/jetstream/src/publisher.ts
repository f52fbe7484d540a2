import { setTimeout as delay } from 'node:timers/promises';
import { KeywardError } from '@keyward/contracts';
import { jetstream, JetStreamApiError } from '@nats-io/jetstream';
import { errors, headers as createHeaders, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { linkOf } from './link.js';
import { injectTrace, producing } from './spans.js';

const DEFAULT_TIMEOUT_MS = 5000;
/** A lost ack is asked for again after this; the message id keeps the second one from counting. */
const ATTEMPT_TIMEOUT_MS = 1000;
const RETRY_PAUSE_MS = 50;

export interface PublishOptions {
  /** `Nats-Msg-Id`: unique in the stream, which drops a second message of the same id within its duplicate window. */
  msgId: string;
  headers?: Record<string, string>;
  /** Over all attempts. */
  timeoutMs?: number;
}

export interface Publisher {
  /** Resolves once the stream has the message (PubAck). @throws KeywardError `dependency_unavailable`, `request_too_large` */
  publish(subject: string, payload: object, options: PublishOptions): Promise<void>;
}

export function createPublisher(nc: NatsConnection): Publisher {
  const js = jetstream(nc);
  const link = linkOf(nc);

  /** One try. An answer of the server that says no is final; silence is not. */
  const attempt = async (subject: string, body: string, msgId: string, headers: MsgHdrs, timeout: number) => {
    if (!link.up) await Promise.race([link.whenUp(), delay(timeout, undefined, { ref: false })]);
    await js.publish(subject, body, { msgID: msgId, headers, timeout });
  };

  const publish = async (subject: string, body: string, options: PublishOptions, headers: MsgHdrs) => {
    const deadline = performance.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    for (;;) {
      const left = deadline - performance.now();
      try {
        return await attempt(subject, body, options.msgId, headers, Math.max(1, Math.min(ATTEMPT_TIMEOUT_MS, left)));
      } catch (error) {
        if (isFinal(error) || nc.isClosed() || performance.now() + RETRY_PAUSE_MS >= deadline) throw asPublishError(error);
      }
      await delay(RETRY_PAUSE_MS);
    }
  };

  return {
    publish: (subject, payload, options) =>
      producing(subject, () => {
        const headers = createHeaders();
        for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
        injectTrace(headers);
        return publish(subject, JSON.stringify(payload), options, headers);
      }),
  };
}

/** The stream refused (full, gone, wrong request) or the message can never be sent: asking again changes nothing. */
function isFinal(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError ||
    error instanceof errors.InvalidArgumentError ||
    error instanceof errors.PermissionViolationError
  );
}

function asPublishError(cause: unknown): KeywardError {
  if (cause instanceof errors.InvalidArgumentError) {
    return new KeywardError('request_too_large', 'The message is larger than the message bus accepts.', { cause });
  }
  return new KeywardError('dependency_unavailable', 'The message bus did not accept the message.', { cause });
}
