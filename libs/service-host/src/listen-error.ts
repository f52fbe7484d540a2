const REASONS: Record<string, string> = {
  EADDRINUSE: 'somebody else listens there',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine does not have that address',
};

/** A door that cannot be opened, with the variables that move it. */
export function listenError(door: 'HTTP' | 'OPS', { host, port }: { host: string; port: number }, cause: unknown): Error {
  const reason = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? String(cause);
  return new Error(
    `${host}:${port} cannot be opened: ${reason}. Set KEYWARD_${door}_HOST or KEYWARD_${door}_PORT to an address that is free.`,
    {
      cause,
    },
  );
}
