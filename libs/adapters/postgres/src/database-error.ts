import { KeywardError } from '@keyward/contracts';

const UNREACHABLE = 'The database is not reachable at the moment. Try again later.';
const BUSY = 'The database is busy at the moment. Try again.';
const FULL = 'The database has no space left and stores nothing. An operator must make room; try again later.';
const READ_ONLY = 'The database accepts no writes at the moment. Try again later.';
const MISCONFIGURED = 'The database refuses this service. An operator must check its login.';

/** SQLSTATE (PostgreSQL documentation, appendix A), longest match first: a code, else its class. */
const SENTENCES: Record<string, string> = {
  '08': UNREACHABLE, // connection exception
  '25006': READ_ONLY, // read_only_sql_transaction: a standby after a failover
  '28': MISCONFIGURED, // invalid authorization
  '3D000': MISCONFIGURED, // the database does not exist
  '40001': BUSY, // serialization_failure
  '40P01': BUSY, // deadlock_detected
  '53': BUSY, // out of memory, too many connections
  '53100': FULL, // disk_full
  '55P03': BUSY, // lock_not_available
  '57014': BUSY, // query_canceled: statement timeout
  '57P': UNREACHABLE, // admin_shutdown, crash_shutdown, cannot_connect_now, idle session ended
  '58030': UNREACHABLE, // io_error
};

/** Of sockets and name resolution, as node reports them. */
const NETWORK = /^(E(CONN|PIPE|HOST|NET|TIMEDOUT|AI_|ADDR)|ENOTFOUND|ENOENT)/;

/** What pg, pg-pool and TypeORM throw without any code. */
const MESSAGES: [RegExp, string][] = [
  [/^timeout exceeded when trying to connect/, BUSY],
  [
    /^(Connection terminated|Client has encountered a connection error|Cannot use a pool after calling end|timeout expired)/,
    UNREACHABLE,
  ],
  // TypeORM, to whoever still uses a query runner or transaction whose connection broke.
  [
    /^(Driver not Connected|Query runner already released|Database connection provided by a query runner was already)/,
    UNREACHABLE,
  ],
  [/^(Client was closed|Transaction is not started yet)/, UNREACHABLE],
  [/^The server does not support SSL/, MISCONFIGURED],
];

interface DriverError {
  message?: unknown;
  code?: unknown;
  /** Where TypeORM keeps what pg threw. */
  driverError?: DriverError;
}

function sentenceFor(error: DriverError): string | undefined {
  const code = error.code ?? error.driverError?.code;
  if (typeof code !== 'string') return MESSAGES.find(([pattern]) => pattern.test(String(error.message)))?.[1];
  if (NETWORK.test(code)) return UNREACHABLE;
  return SENTENCES[code] ?? SENTENCES[code.slice(0, 3)] ?? SENTENCES[code.slice(0, 2)];
}

/**
 * What the driver threw as a KeywardError `dependency_unavailable` where the database is at fault: gone, full, too busy. Everything
 * else, a violated constraint or the caller's own error, comes back as it is.
 */
export function asDatabaseError(thrown: unknown): unknown {
  if (typeof thrown !== 'object' || thrown === null || thrown instanceof KeywardError) return thrown;
  const sentence = sentenceFor(thrown);
  return sentence === undefined ? thrown : new KeywardError('dependency_unavailable', sentence, { cause: thrown });
}
