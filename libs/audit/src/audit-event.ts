import { AUDIT_SCHEMA_VERSION, auditEventSchema, KeywardError, newId, parseOrThrow, type AuditEvent } from '@keyward/contracts';
import { isRecorded } from './recorded-arguments.js';
import { escapeUnsafe, isSafeText, truncate } from './safe-text.js';

/** What a caller states; id, version and time are ours. */
export type AuditEventFields = Omit<AuditEvent, 'id' | 'version' | 'at'>;

/** Longest stored form of each free text, in UTF-16 units, escapes included. `SCOPES` counts entries. */
export const AUDIT_BOUNDS = { identifier: 200, reason: 500, scope: 256, scopes: 100 } as const;

const IDENTIFIERS = ['agent', 'user', 'provider', 'connection', 'execution', 'tool', 'nativeTool', 'target'] as const;

function storable(text: string, max: number): string {
  return truncate(escapeUnsafe(text), max);
}

function isStorable(text: string, max: number): boolean {
  return text.length <= max && isSafeText(text);
}

/**
 * A complete event from what a caller knows. Hostile text is made harmless and cut to its bound rather than refused, because an
 * attacker must not be able to keep an event out of the trail.
 *
 * @throws KeywardError `invalid_request` where a field has the wrong shape, which is a defect of the caller.
 */
export function buildAuditEvent(fields: AuditEventFields, now: Date = new Date()): AuditEvent {
  const event: Record<string, unknown> = {
    ...fields,
    id: newId('evt'),
    version: AUDIT_SCHEMA_VERSION,
    at: now.toISOString(),
    actor: { kind: fields.actor.kind, id: storable(fields.actor.id, AUDIT_BOUNDS.identifier) },
  };
  for (const name of IDENTIFIERS) {
    const value = fields[name];
    if (value !== undefined) event[name] = storable(value, AUDIT_BOUNDS.identifier);
  }
  if (fields.reason !== undefined) event['reason'] = storable(fields.reason, AUDIT_BOUNDS.reason);
  if (fields.scopes !== undefined) {
    event['scopes'] = fields.scopes.slice(0, AUDIT_BOUNDS.scopes).map((scope) => storable(scope, AUDIT_BOUNDS.scope));
  }
  for (const name of Object.keys(event)) if (event[name] === undefined) Reflect.deleteProperty(event, name);
  return parseOrThrow(auditEventSchema, event, 'audit event');
}

/** The name of the first field that {@link buildAuditEvent} would not have produced; undefined where all are storable. */
function unstorableField(event: AuditEvent): string | undefined {
  if (!isStorable(event.actor.id, AUDIT_BOUNDS.identifier)) return 'actor';
  for (const name of IDENTIFIERS) {
    const value = event[name];
    if (value !== undefined && !isStorable(value, AUDIT_BOUNDS.identifier)) return name;
  }
  if (event.reason !== undefined && !isStorable(event.reason, AUDIT_BOUNDS.reason)) return 'reason';
  const scopes = event.scopes ?? [];
  if (scopes.length > AUDIT_BOUNDS.scopes || !scopes.every((scope) => isStorable(scope, AUDIT_BOUNDS.scope))) return 'scopes';
  if (event.arguments !== undefined && !isRecorded(event.arguments)) return 'arguments';
  // One spelling per instant, so that the text in the event and the column made from it can't differ.
  if (new Date(event.at).toISOString() !== event.at) return 'at';
  return undefined;
}

/**
 * Checks an event that came over the bus before it is chained: its shape, and that it is text that {@link buildAuditEvent} makes.
 *
 * @throws KeywardError `invalid_request`; values are not echoed.
 */
export function parseAuditEvent(value: unknown): AuditEvent {
  const event = parseOrThrow(auditEventSchema, value, 'audit event');
  const field = unstorableField(event);
  if (field !== undefined) {
    throw new KeywardError('invalid_request', `The audit event's field ${field} is too long or not in its canonical form.`);
  }
  return event;
}
