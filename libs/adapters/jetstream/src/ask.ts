import { headers, KeywardError } from '@keyward/contracts';
import { context, propagation } from '@opentelemetry/api';
import { headers as natsHeaders, type NatsConnection } from '@nats-io/transport-node';

export interface AskOptions {
  timeoutMs: number;
  /** What is said where nobody answers: a sentence. */
  silence: string;
}

/** One question to another service, with the trace that it belongs to. @throws KeywardError `dependency_unavailable` where nobody answers */
export async function ask(
  nc: NatsConnection,
  subject: string,
  request: object,
  { timeoutMs, silence }: AskOptions,
): Promise<unknown> {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  const sent = natsHeaders();
  for (const name of [headers.traceparent, headers.tracestate]) {
    const value = carrier[name];
    if (value !== undefined) sent.set(name, value);
  }
  try {
    const message = await nc.request(subject, JSON.stringify(request), { timeout: timeoutMs, headers: sent });
    return message.json();
  } catch (cause) {
    throw new KeywardError('dependency_unavailable', silence, { cause });
  }
}
