import { KeywardError, type RefreshReply, type RefreshRequest } from '@keyward/contracts';

export type RefreshQuestion = Omit<RefreshRequest, 'waitMs'>;
type Ask = (provider: string, request: RefreshRequest) => Promise<RefreshReply>;

export interface Waiting {
  /** Whoever asks waits no longer than this. */
  waitMs: number;
  /** Ends the waiting at once, with its reason. */
  signal: AbortSignal;
}

interface Flight {
  reply: Promise<RefreshReply>;
  /** `performance.now()` until which an answer is awaited. */
  until: number;
}

/** A question is put for longer than its first asker waits, so that whoever needs the same a little later can wait for the same answer. */
const LASTS_LONGER_MS = 20_000;
const MOST_MS = 600_000;

/**
 * Questions to token-refresher that are under way. Calls of this process that need the same, a newer generation of one connection, share
 * one question; each waits for as long as it wants to.
 */
export class RefreshFlights {
  readonly #flights = new Map<string, Flight>();

  /** @param ask waits for the answer as long as the request says */
  constructor(private readonly ask: Ask) {}

  /** @throws KeywardError `deadline_exceeded` after `waitMs`; why the question could not be put; the signal's reason */
  async renew(provider: string, question: RefreshQuestion, { waitMs, signal }: Waiting): Promise<RefreshReply> {
    signal.throwIfAborted();
    const flight = this.#join(provider, question, Math.min(Math.max(1, waitMs), MOST_MS));
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const late = () => reject(new KeywardError('deadline_exceeded', 'The credential was not renewed in time.'));
    const timer = setTimeout(late, waitMs);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([flight.reply, ended]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** One that is waited for long enough, or a new one. */
  #join(provider: string, question: RefreshQuestion, waitMs: number): Flight {
    const { org, connection, newerThan, reason } = question;
    const key = `${org} ${connection} ${newerThan} ${reason}`;
    const now = performance.now();
    const under = this.#flights.get(key);
    if (under !== undefined && under.until >= now + waitMs) return under;
    const lasts = Math.min(Math.ceil(waitMs) + LASTS_LONGER_MS, MOST_MS);
    const flight: Flight = { reply: this.ask(provider, { ...question, waitMs: lasts }), until: now + lasts };
    this.#flights.set(key, flight);
    // A later one may have taken its place.
    const landed = () => this.#flights.get(key) === flight && this.#flights.delete(key);
    flight.reply.then(landed, landed);
    return flight;
  }
}
