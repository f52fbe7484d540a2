import { streams, type DeadLetterDetail } from '@keyward/contracts';
import type { StoredLetter } from './letter.js';

type Explanation = DeadLetterDetail['explanation'];
type OfStream = Omit<Explanation, 'happened'> & { undone: string };

const OF_STREAM: Readonly<Record<string, OfStream>> = {
  [streams.executions]: {
    meant: 'A tool call that an agent asked for.',
    undone: 'It has no outcome yet, and whoever asked was told none.',
    replay:
      'The call is made, with the time limit that it came with. One that writes has a record from before its first request: if it was begun, it is not begun again, and ends with the outcome on record or as unknown. One whose idempotency key is forgotten by now, after a day, is not made. One that reads is made.',
  },
  [streams.refresh]: {
    meant: 'The wish for a newer token of one connection.',
    undone: 'Whoever wished for it has stopped waiting; the token is refreshed when it is due, with or without this.',
    replay: 'The token is refreshed if its generation is still the one that was to be replaced; else nothing happens.',
  },
  [streams.connections]: {
    meant: 'The news of something that happened to a connection.',
    undone: 'Webhooks of it were not sent; an execution that waits for the connection is found by the sweep all the same.',
    replay: 'The webhooks of it are sent to endpoints that have not had them, and what waits for the connection is looked at.',
  },
  [streams.audit]: {
    meant: 'An event for the audit trail.',
    undone: 'The trail lacks it.',
    replay: 'The event is appended under its own id and time; one that is there already is not appended twice.',
  },
};

const UNKNOWN: OfStream = {
  meant: 'A message of a stream that this version does not know.',
  undone: 'What it was for has not been done.',
  replay: 'It is put back as it was.',
};

/** For people who have to decide what becomes of it. */
export function explain({ letter }: StoredLetter): Explanation {
  const { undone, ...rest } = OF_STREAM[letter.stream] ?? UNKNOWN;
  const times = letter.deliveries === 1 ? 'once' : `${letter.deliveries} times`;
  const malformed = letter.code === 'invalid_request' || letter.code === 'invalid_arguments';
  const why = malformed
    ? `No retry would have helped: ${letter.reason} Replaying it as it is ends here again, unless what reads it has changed.`
    : `Every attempt failed: ${letter.reason} Mend that first; the cause is in the log of the worker.`;
  return { ...rest, happened: `It was delivered ${times} and given up. ${why} ${undone}` };
}
