/** Lines with the seconds since it began. */
export class Timeline {
  readonly #began = performance.now();

  constructor(private readonly write: (line: string) => void) {}

  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  say(text: string): void {
    this.write(`  ${this.seconds.toFixed(1).padStart(6)} s  ${text}`);
  }
}
