import { KeywardError, type ControlRevoked } from '@keyward/contracts';
import type { Call } from '../execute/call.js';

/** Longer than any read of a connection's row can be under way when the news of its revocation arrives. */
const REMEMBER_MS = 60_000;

/** The calls of this process, so that a disconnected account stops being used at once and not with the next call. */
export class InFlight {
  private readonly calls = new Set<Call>();
  /** Connection id → until when to remember. A connection never comes back to life, so remembering too long is harmless. */
  private readonly revoked = new Map<string, number>();

  get size(): number {
    return this.calls.size;
  }

  async track<T>(call: Call, work: () => Promise<T>): Promise<T> {
    this.calls.add(call);
    try {
      return await work();
    } finally {
      this.calls.delete(call);
    }
  }

  /** For a call that has just learnt its connection: the row may have been read a moment before it was revoked. */
  isRevoked(connection: string): boolean {
    return this.revoked.size > 0 && this.revoked.has(connection);
  }

  revoke(message: ControlRevoked): void {
    if (message.kind === 'agent_key') return;
    if (message.kind === 'connection') this.remember(message.connection);
    const reason =
      message.kind === 'connection'
        ? new KeywardError('revoked', 'This connection was disconnected while the call was running.')
        : new KeywardError('forbidden', 'The agent was revoked while the call was running.');
    for (const call of this.calls) {
      const meant = message.kind === 'connection' ? call.connection === message.connection : call.request.agent === message.agent;
      if (meant && call.request.org === message.org) call.abort(reason);
    }
  }

  private remember(connection: string): void {
    const now = Date.now();
    for (const [id, until] of this.revoked) if (until < now) this.revoked.delete(id);
    this.revoked.set(connection, now + REMEMBER_MS);
  }
}
