import { KeywardError, type ExecutionAddress } from '@keyward/contracts';

/** Far more than are cancelled in the minutes that a message lives. */
const MOST = 100_000;

/** Executions that are to end, known to every executor, so that asking costs a call nothing. In the database, too, for who was not there. */
export class Cancellations {
  readonly #keys = new Set<string>();

  add(address: ExecutionAddress): void {
    const key = keyOf(address);
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size <= MOST) return;
    const [oldest] = this.#keys;
    if (oldest !== undefined) this.#keys.delete(oldest);
  }

  has({ org, agent, id }: { org: string; agent: string; id: string }): boolean {
    return this.#keys.size > 0 && this.#keys.has(keyOf({ org, agent, execution: id }));
  }
}

export function cancelled(): KeywardError {
  return new KeywardError('cancelled', 'The execution was cancelled.');
}

function keyOf({ org, agent, execution }: ExecutionAddress): string {
  return `${org} ${agent} ${execution}`;
}
