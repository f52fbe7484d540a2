import type { AuditPort } from '@keyward/audit';
import { subjects } from '@keyward/contracts';
import type { Publisher } from './publisher.js';

/** Audit events into stream AUDIT. Resolves on the stream's acknowledgement; the event's id makes a repetition harmless. */
export function createAuditPublisher(publisher: Publisher): AuditPort {
  return { record: (event) => publisher.publish(subjects.audit(event.org), event, { msgId: event.id }) };
}
