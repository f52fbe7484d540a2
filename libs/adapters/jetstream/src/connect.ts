import { readFile } from 'node:fs/promises';
import { KeywardError } from '@keyward/contracts';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { watchLink } from './link.js';
import type { LogPort } from './log-port.js';

const CONNECT_TIMEOUT_MS = 5000;
const RECONNECT_WAIT_MS = 250;
const PING_INTERVAL_MS = 10_000;

export interface ConnectOptions {
  servers: string[];
  /** NATS credentials (user JWT and seed). Read again on every call, so a renewed file counts from the next connection on. */
  credsFile?: string;
  /** Shown in the server's connection list. */
  name: string;
  /** Default `_INBOX`. */
  inboxPrefix?: string;
  logger?: LogPort;
}

/**
 * Connects, or says at once why not. A connection that once stood reconnects for ever, also when credentials are refused meanwhile:
 * an account may be on its way to the server.
 * @throws KeywardError `dependency_unavailable`
 */
export async function connectNats(options: ConnectOptions): Promise<NatsConnection> {
  try {
    const nc = await connect({
      servers: options.servers,
      name: options.name,
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_WAIT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: 2,
      ignoreAuthErrorAbort: true,
      // A stack trace per request costs more than the request.
      noAsyncTraces: true,
      ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
      ...(options.credsFile === undefined ? {} : { authenticator: credsAuthenticator(await readFile(options.credsFile)) }),
    });
    watchLink(nc, options.logger);
    return nc;
  } catch (cause) {
    throw new KeywardError('dependency_unavailable', 'The message bus cannot be reached.', { cause });
  }
}

/** For readiness: resolves when the server answers. */
export async function natsHealth(nc: NatsConnection): Promise<void> {
  if (nc.isClosed()) throw new KeywardError('dependency_unavailable', 'The connection to the message bus is closed.');
  await nc.rtt();
}
