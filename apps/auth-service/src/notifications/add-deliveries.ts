import {
  asKeywardError,
  connectionEventSchema,
  KeywardError,
  parseBoundedJson,
  parseOrThrow,
  providerAppEventSchema,
  subjects,
  type ConnectionEvent,
  type ProviderAppEvent,
  type WebhookEventType,
} from '@keyward/contracts';
import type { BatchMessage } from '@keyward/jetstream';
import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

const ADD = { name: 'auth_add_webhook_deliveries', text: 'SELECT notification.add_deliveries($1)::int AS added' };
const BOUNDS = { maxBytes: 64 * 1024, maxDepth: 4 };

type Event = Omit<ConnectionEvent | ProviderAppEvent, 'event'> & { type: WebhookEventType };

/**
 * Events of stream CONNECTIONS become deliveries for the endpoints that want them, a batch in one statement; the same event again
 * changes nothing.
 * @returns how many
 * @throws KeywardError `dependency_unavailable`: then the batch comes again
 */
export async function addDeliveries(dataSource: DataSource, batch: readonly BatchMessage[]): Promise<number> {
  const events = batch.flatMap((message) => verified(message) ?? []);
  if (events.length === 0) return 0;
  const [row] = await prepared<{ added: number }>(dataSource, ADD, [JSON.stringify(events)]);
  return row?.added ?? 0;
}

function verified(message: BatchMessage): Event | undefined {
  try {
    return eventOf(message);
  } catch (thrown) {
    message.reject(asKeywardError(thrown));
    return undefined;
  }
}

/** The organization is the subject's: who may publish where is what the server checks. */
function eventOf({ subject, data }: BatchMessage): Event {
  const payload = parseBoundedJson(data, BOUNDS);
  if (subject.startsWith('connection.')) {
    const { event, ...of } = parseOrThrow(connectionEventSchema, payload, 'event');
    requireSubject(subject, subjects.connectionEvent(event, of.org));
    return { ...of, type: `connection.${event}` };
  }
  const { event, ...of } = parseOrThrow(providerAppEventSchema, payload, 'event');
  requireSubject(subject, subjects.providerAppEvent(event, of.org));
  return { ...of, type: `provider_app.${event}` };
}

function requireSubject(actual: string, wanted: string): void {
  if (actual !== wanted) throw new KeywardError('invalid_request', 'The event names another organization than its subject.');
}
