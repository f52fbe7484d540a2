import { headers, KeywardError } from '@keyward/contracts';
import { context, propagation } from '@opentelemetry/api';
import { headers as natsHeaders, type NatsConnection } from '@nats-io/transport-node';

const TIMEOUT_MS = 10_000;

/** One question to `auth.v1`, with the trace that it belongs to. @throws KeywardError `dependency_unavailable` where nobody answers */
export async function askAuthService(nc: NatsConnection, subject: string, request: object): Promise<unknown> {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  const sent = natsHeaders();
  for (const name of [headers.traceparent, headers.tracestate]) {
    const value = carrier[name];
    if (value !== undefined) sent.set(name, value);
  }
  try {
    const message = await nc.request(subject, JSON.stringify(request), { timeout: TIMEOUT_MS, headers: sent });
    return message.json();
  } catch (cause) {
    throw new KeywardError('dependency_unavailable', 'The auth service does not answer.', { cause });
  }
}
