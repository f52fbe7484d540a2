import type { HeldSpan } from './held-span.js';

export interface HoldingOptions {
  /** A local root that took longer is exported like one that failed. Left out: none is. */
  slowMs?: number;
  /** Spans that are held at most, over all requests; beyond it the oldest request is given up. */
  maxSpans?: number;
  /** Spans of one request that are held at most; the others of it are given up. */
  maxSpansEach?: number;
}

const MAX_SPANS = 8_192;
const MAX_SPANS_EACH = 128;

/** Of the requests and messages that are worked on here and not sampled. */
export class LocalTraces {
  /** In the order of their beginning. */
  readonly #traces = new Set<LocalTrace>();
  /** Spans that are held or open. */
  size = 0;

  constructor(readonly options: HoldingOptions = {}) {}

  begin(): LocalTrace {
    const local = new LocalTrace(this);
    this.#traces.add(local);
    return local;
  }

  opened(): void {
    this.size += 1;
    const max = this.options.maxSpans ?? MAX_SPANS;
    if (this.size <= max) return;
    for (const oldest of this.#traces) {
      oldest.giveUp();
      if (this.size <= max) return;
    }
  }

  remove(local: LocalTrace): void {
    this.#traces.delete(local);
  }

  giveUp(): void {
    for (const local of this.#traces) local.giveUp();
  }
}

/** What one process does for one request or message: its first span here and all below it. */
export class LocalTrace {
  /** Ended, and not yet known whether anybody wants them. */
  #held: HeldSpan[] = [];
  #root: HeldSpan | undefined;
  #open = 0;
  #isWanted = false;
  #isOver = false;

  constructor(private readonly all: LocalTraces) {}

  /** Nothing is open any more, or it was given up: a span below one of its spans begins another. */
  get isOver(): boolean {
    return this.#isOver;
  }

  opened(span: HeldSpan): void {
    this.#root ??= span;
    this.#open += 1;
    this.all.opened();
  }

  ended(span: HeldSpan): void {
    if (this.#isOver) return;
    this.#open -= 1;
    const { slowMs, maxSpansEach = MAX_SPANS_EACH } = this.all.options;
    const isWanted = span.hasFailed || (slowMs !== undefined && span === this.#root && span.elapsedMs > slowMs);
    // The one that says what failed is never among those that there is no room for.
    if (isWanted || this.#held.length < maxSpansEach) this.#held.push(span);
    else this.all.size -= 1;
    this.#isWanted ||= isWanted;
    if (this.#isWanted) this.#export();
    if (this.#open === 0) this.giveUp();
  }

  giveUp(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.all.size -= this.#open + this.#held.length;
    this.#held = [];
    this.all.remove(this);
  }

  #export(): void {
    this.all.size -= this.#held.length;
    for (const span of this.#held) span.exportNow();
    this.#held = [];
  }
}
