import { deadLetterSchema, idSchema, type DeadLetter, type DeadLetterSummary } from '@keyward/contracts';

/** A letter and its place in stream DEAD_LETTERS. */
export interface StoredLetter {
  readonly id: number;
  readonly letter: DeadLetter;
  /** What the message says, where it is JSON. */
  readonly message: unknown;
  readonly organization: string | null;
}

const orgId = idSchema('org');

/** @throws ZodError where it is no letter */
export function readLetter(id: number, stored: unknown): StoredLetter {
  const letter = deadLetterSchema.parse(stored);
  const message = messageOf(letter);
  return { id, letter, message, organization: organizationOf(letter, message) };
}

export function summaryOf({ id, letter, organization }: StoredLetter): DeadLetterSummary {
  const { stream, subject, code, reason, deliveries, failedAt } = letter;
  return { id, stream, subject, organization, code, reason, deliveries, failedAt };
}

function messageOf({ data }: DeadLetter): unknown {
  try {
    return JSON.parse(Buffer.from(data, 'base64').toString());
  } catch {
    return null;
  }
}

function organizationOf({ subject }: DeadLetter, message: unknown): string | null {
  const inMessage = typeof message === 'object' && message !== null ? (Reflect.get(message, 'org') as unknown) : undefined;
  return [...subject.split('.'), inMessage].find((each): each is string => orgId.safeParse(each).success) ?? null;
}
