/** A request for messages. One that does not wait takes what is there and ends. */
export interface PullRequest {
  batch: number;
  wait: boolean;
}

/** When to ask for messages, and for how many. */
export interface Pace {
  /**
   * Called whenever something may have changed; undefined: nothing for now.
   * @param room messages that there is room for, besides those `requested`, that is asked for and neither delivered nor refused yet
   */
  next(room: number, requested: number): PullRequest | undefined;
  delivered?(): void;
  /** What was asked for may be lost. */
  restart?(): void;
  stop?(): void;
}

/** Asks at once for all that there is room for: every message comes the moment it is stored. */
export class AtOnce implements Pace {
  private readonly smallest: number;

  constructor(capacity: number) {
    this.smallest = Math.max(1, Math.floor(capacity / 4));
  }

  /** Small gaps are gathered, so that a request is not paid for every message. */
  next(room: number, requested: number): PullRequest | undefined {
    if (room < this.smallest && (requested > 0 || room <= 0)) return undefined;
    return { batch: room, wait: true };
  }
}
