import { WaitingLine, type Turn } from './waiting-line.js';
import type { Who } from './fair-line.js';

/** A place among those that are under way. Leaving twice does nothing. */
export interface Place {
  leave(): void;
}

/** So many at a time; what is more waits in a fair line. One that hangs keeps its own places and nothing else. */
export class Bulkhead {
  readonly #waiting = new WaitingLine<Place>();
  #taken = 0;

  constructor(private readonly places: number) {}

  get idle(): boolean {
    return this.#taken === 0 && this.#waiting.length === 0;
  }

  /** At once or not at all. */
  tryEnter(): Place | undefined {
    return this.#waiting.length > 0 ? undefined : this.#enter();
  }

  /** @throws TooLate; the signal's reason */
  wait(who: Who, turn: Omit<Turn, 'cost'>): Promise<Place> {
    return this.#waiting.wait(who, { ...turn, cost: 1 });
  }

  #enter(): Place | undefined {
    if (this.#taken >= this.places) return undefined;
    this.#taken++;
    let here = true;
    const leave = (): void => {
      if (!here) return;
      here = false;
      this.#taken--;
      this.#waiting.serve(() => this.#enter());
    };
    return { leave };
  }
}
