import { KeywardError } from '@keyward/contracts';

const RETRY_AFTER_MS = 5_000;

/** What may be done so often at a time, and by one organization not as often as to leave nothing to the others. */
export class Slots {
  readonly #taken = new Map<string, number>();
  #all = 0;

  /** @param what in a sentence: `Too many <what> are running.` */
  constructor(
    private readonly what: string,
    private readonly most: { all: number; each: number },
  ) {}

  /** @returns what gives the place back; more than once is as good as once. @throws KeywardError `rate_limited` */
  take(organization: string): () => void {
    const own = this.#taken.get(organization) ?? 0;
    if (this.#all >= this.most.all || own >= this.most.each)
      throw new KeywardError('rate_limited', `Too many ${this.what} are running. Try again in a moment.`, {
        details: { retryAfterMs: RETRY_AFTER_MS },
      });
    this.#all++;
    this.#taken.set(organization, own + 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.#giveBack(organization);
      isTaken = false;
    };
  }

  #giveBack(organization: string): void {
    this.#all--;
    const own = (this.#taken.get(organization) ?? 1) - 1;
    if (own === 0) this.#taken.delete(organization);
    else this.#taken.set(organization, own);
  }
}
