/** What the server's clock says, to the second before (RFC 9110 section 6.6.1); undefined where it does not say. */
export function serverTime(headers: Headers): Date | undefined {
  const stated = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(stated) ? undefined : new Date(stated);
}

/** A clock that is further off than this is none. */
const MOST_OFF_MS = 86_400_000;

/**
 * From when a moment that an answer states is away: it is meant by the server's clock, and ours may be minutes off. Rounded up, so that
 * no lifetime comes out longer than it is.
 * @param now by our clock, for a server that does not say, or says what can not be: no token lives for ever, or not at all, because of it
 */
export function timeOfAnswer({ headers }: Response, now: () => Date = () => new Date()): Date {
  const stated = serverTime(headers);
  const ours = now();
  const isClock = stated !== undefined && Math.abs(stated.getTime() - ours.getTime()) <= MOST_OFF_MS;
  return isClock ? new Date(stated.getTime() + 1000) : ours;
}
