import type { AuditRecord } from '@keyward/contracts';

/** What is sent in one request. */
export interface Message {
  contentType: string;
  body: Uint8Array;
}

/** How records are written for a destination, and how its answer is to be understood. */
export interface Encoding {
  encode(records: readonly AuditRecord[]): Message;
  /**
   * @param contentType media type of the answer, lower case; empty where it has none
   * @returns how many of the records a receiver that took the message says it does not keep, and why
   * @throws Error where nobody answers so who keeps records
   */
  rejected(answer: Uint8Array, contentType: string): { count: number; reason: string };
}
