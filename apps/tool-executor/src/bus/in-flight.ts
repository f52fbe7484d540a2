import { KeywardError, type ControlRevoked, type ExecutionAddress } from '@keyward/contracts';
import type { Call } from '../execute/call.js';
import { concerns, disconnection, Revocations } from './revocations.js';

/** The calls of this process, so that a disconnected account stops being used at once and not with the next call. */
export class InFlight {
  private readonly calls = new Set<Call>();
  private readonly revocations = new Revocations();

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
  isRevoked(call: Call): boolean {
    return this.revocations.covers(call);
  }

  revoke(message: ControlRevoked): void {
    if (message.kind === 'agent_key') return;
    if (message.kind === 'agent')
      return this.end(
        new KeywardError('forbidden', 'The agent was revoked while the call was running.'),
        ({ request }) => request.org === message.org && request.agent === message.agent,
      );
    this.revocations.remember(message);
    this.end(disconnection(message), (call) => concerns(message, call));
  }

  cancel({ org, agent, execution }: ExecutionAddress, reason: KeywardError): void {
    this.end(reason, ({ request }) => request.id === execution && request.org === org && request.agent === agent);
  }

  private end(reason: KeywardError, isMeant: (call: Call) => boolean): void {
    for (const call of this.calls) if (isMeant(call)) call.abort(reason);
  }
}
