/** How many questions one round trip carries at most: enough to spare most of them, few enough that none waits for a long answer. */
const MAX_BATCH = 64;
/** One on its way and one being answered keep both ends busy. */
const MAX_UNDER_WAY = 2;

interface Asked<Question, Answer> {
  question: Question;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * Lets questions that are asked at the same time share a round trip. Each is still asked anew: nothing is remembered, so an answer is
 * never older than its question. Waking another process costs more than a look-up does, and with many calls under way that is what
 * most of their time went into.
 */
export class RoundTrips<Question, Answer> {
  private waiting: Asked<Question, Answer>[] = [];
  private underWay = 0;
  private scheduled = false;

  /** @param ask answers in the order of the questions */
  constructor(private readonly ask: (questions: readonly Question[]) => Promise<readonly Answer[]>) {}

  answer(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ question, resolve, reject });
      this.schedule();
    });
  }

  /** At the end of the turn, so that what one read from the bus set off goes together. */
  private schedule(): void {
    if (this.scheduled || this.underWay >= MAX_UNDER_WAY) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (this.waiting.length > 0) void this.send(this.waiting.splice(0, MAX_BATCH));
      if (this.waiting.length > 0) this.schedule();
    });
  }

  private async send(asked: Asked<Question, Answer>[]): Promise<void> {
    this.underWay += 1;
    try {
      const answers = await this.ask(asked.map(({ question }) => question));
      if (answers.length !== asked.length) throw new Error('not as many answers as questions');
      asked.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    } finally {
      this.underWay -= 1;
      if (this.waiting.length > 0) this.schedule();
    }
  }
}
