import { KeywardError } from '@keyward/contracts';
import type { Egress } from '@keyward/egress';
import { OAuthError, type Wire } from '@keyward/oauth';
import { BrokenOff } from './decide.js';
import { unlessAborted } from './unless-aborted.js';

export interface GateOptions {
  provider: string;
  /** Where requests of this renewal go, as the manifest says. */
  origins: readonly string[];
  timeoutMs: number;
  /** Awaited as the last thing before the first request. @throws why nothing may be sent @returns until when it may, on `performance.now()` */
  beforeSend: () => Promise<number>;
}

/**
 * The way out for one renewal. Its first request leaves only once `beforeSend` agrees; and since looking up an address and making a
 * connection take time, in which this process may be stopped, it is looked again right before the first byte whether it is still in time.
 */
export class Gate {
  readonly wire: Wire;
  #agreed: Promise<number> | undefined;
  #refusal: unknown;
  #sentAt: number | undefined;
  #left = false;
  #isLate = false;

  constructor(
    egress: Pick<Egress, 'fetchFor'>,
    private readonly options: GateOptions,
  ) {
    const { provider, origins, timeoutMs } = options;
    const guarded = (to: readonly string[]): Wire['fetch'] => {
      let until = 0;
      const mayLeave = () => {
        this.#left ||= performance.now() < until;
        this.#isLate = !this.#left;
        return this.#left;
      };
      const fetch = egress.fetchFor({ provider, origins: to, timeoutMs, mayLeave });
      return async (url, init) => {
        // After a stop it may be over by now; to ask would record a request that is not made.
        init.signal?.throwIfAborted();
        until = await unlessAborted(init.signal, (this.#agreed ??= this.#ask()));
        this.#sentAt ??= performance.now();
        return fetch(url, init);
      };
    };
    this.wire = { fetch: guarded(origins), fetchFor: guarded, timeoutMs };
  }

  /** When the first request went out, on `performance.now()`; undefined: none did. */
  get sentAt(): number | undefined {
    return this.#sentAt;
  }

  /** A failure for what it is: one from before anything was sent says nothing of the provider, and one of ours after it nothing of the token. */
  reasonOf(thrown: unknown): unknown {
    if (this.#refusal !== undefined) return this.#refusal;
    if (this.#left) return thrown instanceof OAuthError ? thrown : new BrokenOff(thrown);
    const isOver = this.#isLate || (thrown instanceof OAuthError && thrown.maybeRedeemed);
    const isBegun = this.#agreed !== undefined && this.#sentAt === undefined;
    if (!isOver && !isBegun) return thrown;
    return new KeywardError('dependency_unavailable', 'The refresh could not be begun in time.', { cause: thrown });
  }

  async #ask(): Promise<number> {
    try {
      return await this.options.beforeSend();
    } catch (error) {
      this.#refusal = error;
      throw error;
    }
  }
}
