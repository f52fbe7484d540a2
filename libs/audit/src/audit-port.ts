import type { AuditEvent } from '@keyward/contracts';

/**
 * The way an audit event leaves. A caller that gets an error must fail closed: no audit acknowledgement, no result.
 */
export interface AuditPort {
  /** Resolves only once the event is durable. Recording the same event (same id) again has no further effect. */
  record(event: AuditEvent): Promise<void>;
}
