import type { AuditEvent, AuditRecord } from '@keyward/contracts';

/** One record as receivers of JSON get it: what `GET /v1/events` answers, and two members that log stores look for by these names. */
export interface Line extends AuditRecord {
  /** The event's `at`. */
  timestamp: string;
  /** For people who read along. */
  message: string;
}

export function lineOf(record: AuditRecord): Line {
  return { timestamp: record.event.at, message: sentenceOf(record.event), ...record };
}

/** Such as `execution.completed sandbox_echo denied (forbidden) by agent agt_…`. */
export function sentenceOf({ type, tool, provider, state, errorCode, actor }: AuditEvent): string {
  const about = tool ?? provider;
  const parts = [type, about, state, errorCode === undefined ? undefined : `(${errorCode})`, `by ${actor.kind} ${actor.id}`];
  return parts.filter((part) => part !== undefined).join(' ');
}
