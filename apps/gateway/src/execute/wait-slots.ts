import { KeywardError } from '@keyward/contracts';

export interface SlotLimits {
  /** Calls in flight in this process. */
  total: number;
  /** Of these, what one agent may have, so that one cannot keep the others out. */
  perAgent: number;
}

/** Each costs a few hundred bytes and a timer; what is bounded is the work that a stuck executor would pile up here. */
export const SLOT_LIMITS: SlotLimits = { total: 8_192, perAgent: 2_048 };

const RETRY_AFTER_MS = 1_000;

/** One awaited outcome. */
export interface Slot {
  /** Ends the waiting, not the call. Does nothing once released. */
  abandon(): void;
  release(): void;
}

interface Taken {
  readonly agent: string;
  readonly onAbandon: () => void;
}

/** Back-pressure: a place for each call whose outcome is awaited, given back when it is answered. */
export class WaitSlots {
  readonly #byAgent = new Map<string, number>();
  readonly #taken = new Set<Taken>();

  constructor(
    private readonly limits: SlotLimits,
    private readonly gauge: { inc(): void; dec(): void },
  ) {}

  /** @throws KeywardError `rate_limited` */
  take(agent: string, onAbandon: () => void): Slot {
    const own = this.#byAgent.get(agent) ?? 0;
    if (own >= this.limits.perAgent || this.#taken.size >= this.limits.total) {
      throw new KeywardError('rate_limited', 'Too many calls are in flight.', { details: { retryAfterMs: RETRY_AFTER_MS } });
    }
    const taken: Taken = { agent, onAbandon };
    this.#byAgent.set(agent, own + 1);
    this.#taken.add(taken);
    this.gauge.inc();
    return {
      abandon: () => {
        if (this.#release(taken)) onAbandon();
      },
      release: () => void this.#release(taken),
    };
  }

  #release(taken: Taken): boolean {
    if (!this.#taken.delete(taken)) return false;
    const own = this.#byAgent.get(taken.agent) ?? 0;
    if (own > 1) this.#byAgent.set(taken.agent, own - 1);
    else this.#byAgent.delete(taken.agent);
    this.gauge.dec();
    return true;
  }

  /** For the end of the process: whoever still waits is told that the outcome may come later. */
  abandonAll(): void {
    for (const taken of this.#taken) if (this.#release(taken)) taken.onAbandon();
  }
}
