/** What the server's clock says, to the second before (RFC 9110 section 6.6.1); undefined where it does not say. */
export function serverTime(headers: Headers): Date | undefined {
  const stated = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(stated) ? undefined : new Date(stated);
}

/**
 * From when a moment that an answer states is away: it is meant by the server's clock, and ours may be minutes off. Rounded up, so that
 * no lifetime comes out longer than it is.
 * @param now by our clock, for a server that does not say
 */
export function timeOfAnswer({ headers }: Response, now: () => Date = () => new Date()): Date {
  const stated = serverTime(headers);
  return stated === undefined ? now() : new Date(stated.getTime() + 1000);
}
