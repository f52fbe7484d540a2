import type { RefreshReply, RefreshRequest } from '@keyward/contracts';

export type RefreshQuestion = Omit<RefreshRequest, 'waitMs'>;
type Ask = (provider: string, request: RefreshRequest) => Promise<RefreshReply>;

export interface Waiting {
  /** Whoever asks waits no longer than this, some seconds at most, and is then told nothing. */
  waitMs: number;
  /** Ends the waiting at once, with its reason. */
  signal: AbortSignal;
}

interface Flight {
  reply: Promise<RefreshReply>;
  /** `performance.now()` until which others may wait for it; the answer is awaited a little longer, so that no one's wait ends with it. */
  until: number;
  hasLanded: boolean;
}

/** A question is put for longer than its first asker waits, so that whoever needs the same a little later can wait for the same answer. */
const LASTS_LONGER_MS = 10_000;
const AWAITED_LONGER_MS = 1_000;
/** Whoever has read the old row just before it changed asks a moment after the answer. */
const REMEMBERED_MS = 1_000;

/**
 * Questions to token-refresher that are under way. Calls of this process that need the same, a newer generation of one connection, share
 * one question; each waits for as long as it wants to.
 */
export class RefreshFlights {
  readonly #flights = new Map<string, Flight>();

  /** @param ask waits for the answer as long as the request says */
  constructor(private readonly ask: Ask) {}

  /** @returns undefined: there was no answer within `waitMs` @throws KeywardError why the question could not be put; the signal's reason */
  async renew(provider: string, question: RefreshQuestion, { waitMs, signal }: Waiting): Promise<RefreshReply | undefined> {
    signal.throwIfAborted();
    const flight = this.#join(provider, question, Math.max(1, waitMs));
    const { promise: ended, resolve, reject } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, waitMs, undefined);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([flight.reply, ended]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** One that is waited for long enough, or that has just brought what is asked for, or a new one. */
  #join(provider: string, question: RefreshQuestion, waitMs: number): Flight {
    const { org, connection, newerThan, reason } = question;
    const key = `${org} ${connection} ${newerThan} ${reason}`;
    const now = performance.now();
    this.#forget(now);
    const under = this.#flights.get(key);
    if (under !== undefined && under.until >= now + (under.hasLanded ? 0 : waitMs)) return under;
    const joinableMs = Math.ceil(waitMs) + LASTS_LONGER_MS;
    const reply = this.ask(provider, { ...question, waitMs: joinableMs + AWAITED_LONGER_MS });
    const flight: Flight = { reply, until: now + joinableMs, hasLanded: false };
    this.#flights.set(key, flight);
    const failed = () => this.#flights.get(key) === flight && this.#flights.delete(key);
    reply.then(({ outcome }) => (outcome === 'refreshed' ? land(flight) : failed()), failed);
    return flight;
  }

  /** From the oldest on, so that it costs no more than there is to forget. */
  #forget(now: number): void {
    for (const [key, { hasLanded, until }] of this.#flights) {
      if (!hasLanded || until >= now) return;
      this.#flights.delete(key);
    }
  }
}

function land(flight: Flight): void {
  flight.hasLanded = true;
  flight.until = performance.now() + REMEMBERED_MS;
}
