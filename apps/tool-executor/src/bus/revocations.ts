import { KeywardError, type ControlRevoked } from '@keyward/contracts';
import type { Call } from '../execute/call.js';

/** Longer than any read of a connection's row can be under way when the news of its revocation arrives. */
const REMEMBER_MS = 60_000;

/** News that ends the use of connections; the others are about who may call. */
export type Disconnected = Extract<ControlRevoked, { kind: 'connection' | 'connections' | 'organization' }>;

interface Remembered {
  message: Disconnected;
  heardAt: number;
}

/**
 * Disconnections of the last minute, for a call that has read the row of its connection a moment before. A single connection never comes
 * back to life, so remembering it too long is harmless; a connection made since is none of those that many were disconnected with.
 */
export class Revocations {
  /** Connection id → until when to remember. */
  readonly #connections = new Map<string, number>();
  #many: Remembered[] = [];

  constructor(private readonly now: () => number = Date.now) {}

  remember(message: Disconnected): void {
    const now = this.now();
    this.#many = this.#many.filter(({ heardAt }) => heardAt + REMEMBER_MS > now);
    for (const [id, until] of this.#connections) if (until < now) this.#connections.delete(id);
    if (message.kind === 'connection') this.#connections.set(message.connection, now + REMEMBER_MS);
    else this.#many.push({ message, heardAt: now });
  }

  /** Whether the connection that the call has just learnt was disconnected. */
  covers(call: Call): boolean {
    const { connection } = call;
    if (connection === null) return false;
    if (this.#connections.size > 0 && this.#connections.has(connection.id)) return true;
    const since = (heardAt: number) => heardAt + REMEMBER_MS > this.now() && madeAt(connection.id) <= heardAt;
    return this.#many.some(({ message, heardAt }) => since(heardAt) && concerns(message, call));
  }
}

/** Whether the call uses a connection that the news is about. Filters are about whose it is: a workspace's is nobody's. */
export function concerns(message: Disconnected, { request, connection, tool }: Call): boolean {
  if (message.org !== request.org) return false;
  if (message.kind === 'organization') return true;
  if (connection === null) return false;
  if (message.kind === 'connection') return connection.id === message.connection;
  const own = connection.kind === 'agent';
  return (
    (message.user === undefined || (own && message.user === request.user)) &&
    (message.agent === undefined || (own && message.agent === request.agent)) &&
    (message.provider === undefined || message.provider === tool?.provider.name)
  );
}

export function disconnection({ kind }: Disconnected): KeywardError {
  return new KeywardError(
    'revoked',
    kind === 'organization'
      ? 'The organization’s keys were destroyed while the call was running.'
      : 'This connection was disconnected while the call was running.',
  );
}

/** Milliseconds since 1970: the first 48 bits of a UUIDv7 (RFC 9562 section 5.7). */
function madeAt(id: string): number {
  return Number.parseInt(id.slice(id.indexOf('_') + 1, id.indexOf('_') + 13), 16);
}
