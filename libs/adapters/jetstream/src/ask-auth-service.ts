import type { NatsConnection } from '@nats-io/transport-node';
import { ask } from './ask.js';

const TIMEOUT_MS = 10_000;

/** One question to `auth.v1`, with the trace that it belongs to. @throws KeywardError `dependency_unavailable` where nobody answers */
export function askAuthService(nc: NatsConnection, subject: string, request: object): Promise<unknown> {
  return ask(nc, subject, request, { timeoutMs: TIMEOUT_MS, silence: 'The auth service does not answer.' });
}
