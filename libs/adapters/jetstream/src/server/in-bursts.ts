import type { Pace, PullRequest } from './pace.js';

export interface InBurstsOptions {
  /** Between a message that arrives and the burst that fetches what came after it, and between bursts. */
  lingerMs: number;
  /** A burst has ended: nothing more is there for now, or there is no more room. */
  onGathered: () => void;
  /** Called when a pause is over, to be asked for the next request. */
  wake: () => void;
}

/**
 * Lets messages gather in the server. One that is delivered the moment it is stored wakes both processes for itself alone, which can
 * cost more than its handling. So an idle consumer waits for a single message, as for a doorbell; then come bursts of all that is
 * there, lingerMs apart, or one upon the other while they fill all the room; an empty one leads back to the doorbell.
 */
export class InBursts implements Pace {
  // The first request is a burst, as much may have gathered while nobody listened.
  private listening = false;
  private asked = 0;
  private got = 0;
  private pause: NodeJS.Timeout | undefined;

  constructor(private readonly options: InBurstsOptions) {}

  next(room: number, requested: number): PullRequest | undefined {
    if (requested > 0 || this.pause !== undefined) return undefined;
    if (this.asked > 0) this.conclude();
    if (this.pause !== undefined || room <= 0) return undefined;
    this.asked = this.listening ? 1 : room;
    this.got = 0;
    return { batch: this.asked, wait: this.listening };
  }

  delivered(): void {
    this.got++;
  }

  /** Back to the first burst: it finds out what there is. */
  restart(): void {
    this.stop();
    this.asked = 0;
    this.listening = false;
  }

  stop(): void {
    clearTimeout(this.pause);
    this.pause = undefined;
  }

  /** The request has ended. Without a message a doorbell has expired, and is asked for again. */
  private conclude(): void {
    const { asked, got } = this;
    this.asked = 0;
    if (this.listening) {
      if (got === 0) return;
      this.listening = false;
      this.rest();
      return;
    }
    this.options.onGathered();
    if (got === 0) this.listening = true;
    else if (got < asked) this.rest();
  }

  private rest(): void {
    this.pause = setTimeout(() => {
      this.pause = undefined;
      this.options.wake();
    }, this.options.lingerMs);
  }
}
