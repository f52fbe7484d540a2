import { SpanStatusCode, type Context, type Span, type SpanContext, type SpanOptions, type TimeInput } from '@opentelemetry/api';
import { isTimeInput } from '@opentelemetry/core';
import type { LocalTrace } from './local-traces.js';

type Change = (span: Span) => void;

/** What a span was started with. */
export interface Beginning {
  readonly name: string;
  readonly options: SpanOptions;
  readonly parent: Context;
}

/** Starts a span that is exported, with these ids. */
export type StartExported = (ids: SpanContext, beginning: Beginning) => Span;

/**
 * A span of a trace that is not sampled. It keeps what it is told as it is told it, and becomes a span of the SDK only where it is wanted
 * after all, which few are: most are told, ended and forgotten.
 */
export class HeldSpan implements Span {
  readonly #startedAt = Date.now();
  readonly #clock = performance.now();
  readonly #changes: Change[] = [];
  #endedAt: TimeInput | undefined;
  #status = SpanStatusCode.UNSET;

  constructor(
    readonly trace: LocalTrace,
    private readonly ids: SpanContext,
    private readonly beginning: Beginning,
    private readonly startExported: StartExported,
  ) {
    trace.opened(this);
  }

  spanContext(): SpanContext {
    return this.ids;
  }

  isRecording(): boolean {
    return this.#endedAt === undefined;
  }

  get hasFailed(): boolean {
    return this.#status === SpanStatusCode.ERROR;
  }

  /** Since its beginning, as far as it may be told apart from clocks that are set. */
  get elapsedMs(): number {
    const { startTime } = this.beginning.options;
    return typeof startTime === 'number' ? Date.now() - startTime : performance.now() - this.#clock;
  }

  setAttribute(...told: Parameters<Span['setAttribute']>): this {
    return this.#change((span) => span.setAttribute(...told));
  }

  setAttributes(...told: Parameters<Span['setAttributes']>): this {
    return this.#change((span) => span.setAttributes(...told));
  }

  addEvent(name: string, attributesOrTime?: Parameters<Span['addEvent']>[1], time?: TimeInput): this {
    const at = time ?? (isTimeInput(attributesOrTime) ? undefined : this.#now());
    return this.#change((span) => span.addEvent(name, attributesOrTime, at));
  }

  addLink(...told: Parameters<Span['addLink']>): this {
    return this.#change((span) => span.addLink(...told));
  }

  addLinks(...told: Parameters<Span['addLinks']>): this {
    return this.#change((span) => span.addLinks(...told));
  }

  setStatus(...told: Parameters<Span['setStatus']>): this {
    // As in the SDK, nothing is worse than what was declared to be fine.
    if (this.#endedAt === undefined && this.#status !== SpanStatusCode.OK) this.#status = told[0].code;
    return this.#change((span) => span.setStatus(...told));
  }

  updateName(name: string): this {
    return this.#change((span) => span.updateName(name));
  }

  recordException(exception: Parameters<Span['recordException']>[0], time?: TimeInput): void {
    const at = time ?? this.#now();
    this.#change((span) => span.recordException(exception, at));
  }

  end(time?: TimeInput): void {
    if (this.#endedAt !== undefined) return;
    this.#endedAt = time ?? this.#now();
    this.trace.ended(this);
  }

  /** Once it has ended: what it was told is told to a span that is exported. */
  exportNow(): void {
    const options = { startTime: this.#startedAt, ...this.beginning.options };
    const span = this.startExported(this.ids, { ...this.beginning, options });
    for (const change of this.#changes) change(span);
    span.end(this.#endedAt);
  }

  #change(change: Change): this {
    if (this.#endedAt === undefined) this.#changes.push(change);
    return this;
  }

  /** In ms since 1970, counted from the beginning by a clock that nobody sets. */
  #now(): number {
    return this.#startedAt + performance.now() - this.#clock;
  }
}
