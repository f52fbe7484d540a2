import {
  asKeywardError,
  budgetEventSchema,
  connectionEventSchema,
  KeywardError,
  parseBoundedJson,
  parseOrThrow,
  providerAppEventSchema,
  subjects,
  type BudgetEvent,
  type ConnectionEvent,
  type ProviderAppEvent,
  type WebhookEventType,
} from '@keyward/contracts';
import type { BatchMessage } from '@keyward/jetstream';
import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

const ADD = { name: 'auth_add_webhook_deliveries', text: 'SELECT notification.add_deliveries($1, $2)::int AS added' };
/** Deliveries that may wait for one endpoint: what one statement can cancel in time. */
const MAX_WAITING = 100_000;
const BOUNDS = { maxBytes: 64 * 1024, maxDepth: 4 };

type Event = Omit<ConnectionEvent | ProviderAppEvent | BudgetEvent, 'event'> & { type: WebhookEventType };

/**
 * Events of stream CONNECTIONS become deliveries for the endpoints that want them, a batch in one statement; the same event again
 * changes nothing.
 * @returns how many
 * @throws KeywardError `dependency_unavailable`, or what the database says where the fault is ours: then the batch comes again
 */
export async function addDeliveries(dataSource: DataSource, batch: readonly BatchMessage[]): Promise<number> {
  const candidates = batch.flatMap((message) => verified(message) ?? []);
  if (candidates.length === 0) return 0;
  try {
    return await add(
      dataSource,
      candidates.map(({ event }) => event),
    );
  } catch (thrown) {
    if (!isUntakable(thrown)) throw thrown;
    // Something in one of them that the checks don't know of: it must not hold up the others for ever.
    let added = 0;
    for (const candidate of candidates) added += await addAlone(dataSource, candidate);
    return added;
  }
}

interface Candidate {
  message: BatchMessage;
  event: Event;
}

async function add(dataSource: DataSource, events: Event[]): Promise<number> {
  const [row] = await prepared<{ added: number }>(dataSource, ADD, [JSON.stringify(events), MAX_WAITING]);
  return row?.added ?? 0;
}

async function addAlone(dataSource: DataSource, { message, event }: Candidate): Promise<number> {
  try {
    return await add(dataSource, [event]);
  } catch (thrown) {
    if (!isUntakable(thrown)) throw thrown;
    message.reject(asKeywardError(thrown));
    return 0;
  }
}

/**
 * SQLSTATE class 22, data exception, and 23, integrity constraint violation: of what is in the event. Anything else, a right that is
 * missing or a function that is not there yet, is no fault of the event, and it waits.
 */
function isUntakable(thrown: unknown): boolean {
  const { code } = thrown as { code?: unknown };
  return typeof code === 'string' && /^2[23]\w{3}$/.test(code);
}

function verified(message: BatchMessage): Candidate | undefined {
  try {
    return { message, event: eventOf(message) };
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
  if (subject.startsWith('budget.')) {
    const { event, ...of } = parseOrThrow(budgetEventSchema, payload, 'event');
    requireSubject(subject, subjects.budgetEvent(event, of.org));
    return { ...of, type: `budget.${event}` };
  }
  const { event, ...of } = parseOrThrow(providerAppEventSchema, payload, 'event');
  requireSubject(subject, subjects.providerAppEvent(event, of.org));
  return { ...of, type: `provider_app.${event}` };
}

function requireSubject(actual: string, wanted: string): void {
  if (actual !== wanted) throw new KeywardError('invalid_request', 'The event names another organization than its subject.');
}
