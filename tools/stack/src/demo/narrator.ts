/** Tells the story on standard output, and fails at the first thing that did not go as told. */
export class Narrator {
  private steps = 0;

  constructor(private readonly write: (text: string) => void) {}

  step(title: string): void {
    this.steps += 1;
    this.write(`\n${this.steps}. ${title}\n`);
  }

  say(text: string): void {
    this.write(`   ${text}\n`);
  }

  /** What was expected, beside what was found. @throws Surprise when they differ */
  check(what: string, found: unknown, expected: unknown): void {
    if (!Object.is(found, expected)) throw new Surprise(what, found, expected);
    this.write(`   ✓ ${what}: ${String(found)}\n`);
  }
}

export class Surprise extends Error {
  constructor(what: string, found: unknown, expected: unknown) {
    super(`${what}: expected ${String(expected)}, found ${String(found)}`);
    this.name = 'Surprise';
  }
}
