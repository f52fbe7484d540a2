import { KeywardError, type ControlRevoked } from '@keyward/contracts';
import type { Call } from '../execute/call.js';

/** Longer than any read of a connection's row can be under way when the news of its revocation arrives. */
const REMEMBER_MS = 60_000;

/** News that ends the use of connections; the others are about who may call. */
export type Disconnected = Extract<ControlRevoked, { kind: 'connection' | 'connections' | 'grantee' | 'organization' }>;

interface Remembered {
  message: Disconnected;
  /** On the clock of `Call.startedAt`. */
  heardAt: number;
  /** The same moment, in milliseconds since 1970. */
  date: number;
}

/**
 * Disconnections of the last minute, for a call that has read the row of its connection a moment before. A single connection never comes
 * back to life, so remembering it too long is harmless; a connection made since is none of those that many were disconnected with. News is
 * sent once it is committed, so a call that has begun since has read it already, and whether the agent was let in again.
 */
export class Revocations {
  /** Connection id → until when to remember. */
  readonly #connections = new Map<string, number>();
  #many: Remembered[] = [];

  /** @param now a clock that nobody sets */
  constructor(private readonly now: () => number = () => performance.now()) {}

  remember(message: Disconnected): void {
    const now = this.now();
    this.#many = this.#many.filter(({ heardAt }) => heardAt + REMEMBER_MS > now);
    for (const [id, until] of this.#connections) if (until < now) this.#connections.delete(id);
    if (message.kind === 'connection') this.#connections.set(message.connection, now + REMEMBER_MS);
    else this.#many.push({ message, heardAt: now, date: Date.now() });
  }

  /** Whether the connection that the call has just learnt was disconnected. */
  covers(call: Call): boolean {
    const { connection } = call;
    if (connection === null) return false;
    if (this.#connections.size > 0 && this.#connections.has(connection.id)) return true;
    const isBefore = ({ heardAt, date }: Remembered) =>
      heardAt + REMEMBER_MS > this.now() && call.startedAt <= heardAt && madeAt(connection.id) <= date;
    return this.#many.some((each) => isBefore(each) && concerns(each.message, call));
  }
}

/**
 * Whether the call uses a connection that the news is about. A workspace's is no user's; an agent whose connections end stops using those
 * of the workspace too.
 */
export function concerns(message: Disconnected, { request, connection, tool }: Call): boolean {
  if (message.org !== request.org) return false;
  if (message.kind === 'organization') return true;
  if (connection === null) return false;
  if (message.kind === 'connection') return connection.id === message.connection;
  if (message.kind === 'grantee') return connection.id === message.connection && request.agent === message.agent;
  return (
    (message.user === undefined || (connection.kind === 'agent' && message.user === request.user)) &&
    (message.agent === undefined || message.agent === request.agent) &&
    (message.provider === undefined || message.provider === tool?.provider.name)
  );
}

const ENDED_BY: Record<Disconnected['kind'], string> = {
  connection: 'This connection was disconnected',
  connections: 'This connection was disconnected',
  grantee: 'The workspace’s connection was withdrawn from the agent',
  organization: 'The organization’s keys were destroyed',
};

export function disconnection({ kind }: Disconnected): KeywardError {
  return new KeywardError('revoked', `${ENDED_BY[kind]} while the call was running.`);
}

/** Milliseconds since 1970: the first 48 bits of a UUIDv7 (RFC 9562 section 5.7). */
function madeAt(id: string): number {
  return Number.parseInt(id.slice(id.indexOf('_') + 1, id.indexOf('_') + 13), 16);
}
