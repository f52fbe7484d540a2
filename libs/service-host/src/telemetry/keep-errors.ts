import type { Context, SpanContext } from '@opentelemetry/api';
import { SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace';

/** What one process does for one request or message: its first span here and all below it. */
interface LocalTrace {
  readonly rootId: string;
  /** Ended, and not yet known whether anybody wants them. */
  held: ReadableSpan[];
  /** Ids of spans that have not ended. */
  readonly open: Set<string>;
  wanted: boolean;
}

export interface KeepErrorsOptions {
  /** A local root that took longer is exported like one that failed. Left out: none is. */
  slowMs?: number;
  /** Spans that are held at most, over all requests; beyond it the oldest request is given up. */
  maxSpans?: number;
  /** Spans of one request that are held at most; the others of it are given up. */
  maxSpansEach?: number;
}

const MAX_SPANS = 8_192;
const MAX_SPANS_EACH = 128;

/**
 * Passes spans of sampled traces on, and holds those of the others back until their local root and everything below it has ended: where one
 * of them ended in an error, all are passed on, else all are forgotten. What is decided is about this process's part of a trace; another
 * service decides about its own.
 */
export class KeepErrors implements SpanProcessor {
  /** By the id of each span that has not ended. */
  readonly #open = new Map<string, LocalTrace>();
  /** In the order of their beginning. */
  readonly #traces = new Set<LocalTrace>();
  #spans = 0;

  constructor(
    private readonly next: SpanProcessor,
    private readonly options: KeepErrorsOptions = {},
  ) {}

  onStart(span: Span, parent: Context): void {
    const own = span.spanContext();
    if (isSampled(own)) return this.next.onStart(span, parent);
    const of = this.#parentOf(parent) ?? this.#begin(own.spanId);
    of.open.add(own.spanId);
    this.#open.set(own.spanId, of);
    this.#count(1);
  }

  onEnd(span: ReadableSpan): void {
    const own = span.spanContext();
    if (isSampled(own)) return this.next.onEnd(span);
    const of = this.#open.get(own.spanId);
    if (of === undefined) return;
    this.#open.delete(own.spanId);
    of.open.delete(own.spanId);
    const isWanted = span.status.code === SpanStatusCode.ERROR || (own.spanId === of.rootId && this.#isSlow(span));
    // The one that says what failed is never among those that there is no room for.
    if (isWanted || of.held.length < (this.options.maxSpansEach ?? MAX_SPANS_EACH)) of.held.push(span);
    else this.#spans -= 1;
    of.wanted ||= isWanted;
    if (of.wanted) this.#passOn(of);
    if (of.open.size === 0) this.#forget(of);
  }

  forceFlush(): Promise<void> {
    return this.next.forceFlush();
  }

  shutdown(): Promise<void> {
    for (const of of this.#traces) this.#forget(of);
    return this.next.shutdown();
  }

  /** How many spans are held or open. */
  get size(): number {
    return this.#spans;
  }

  /** Where the parent is a span of this process that has not ended. */
  #parentOf(parent: Context): LocalTrace | undefined {
    const id = trace.getSpanContext(parent)?.spanId;
    return id === undefined ? undefined : this.#open.get(id);
  }

  #begin(rootId: string): LocalTrace {
    const of: LocalTrace = { rootId, held: [], open: new Set(), wanted: false };
    this.#traces.add(of);
    return of;
  }

  #count(more: number): void {
    this.#spans += more;
    const max = this.options.maxSpans ?? MAX_SPANS;
    for (const oldest of this.#traces) {
      if (this.#spans <= max) return;
      this.#forget(oldest);
    }
  }

  #passOn(of: LocalTrace): void {
    for (const span of of.held) this.next.onEnd(asSampled(span));
    this.#spans -= of.held.length;
    of.held = [];
  }

  #forget(of: LocalTrace): void {
    if (!this.#traces.delete(of)) return;
    for (const id of of.open) this.#open.delete(id);
    this.#spans -= of.open.size + of.held.length;
    of.held = [];
  }

  #isSlow({ duration: [seconds, nanos] }: ReadableSpan): boolean {
    const { slowMs } = this.options;
    return slowMs !== undefined && seconds * 1e3 + nanos / 1e6 > slowMs;
  }
}

function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** Exporters leave out what is not marked as sampled (OpenTelemetry SDK specification, "Recording Sampled reaction table"). */
function asSampled(span: ReadableSpan): ReadableSpan {
  const context = { ...span.spanContext(), traceFlags: TraceFlags.SAMPLED };
  return Object.create(span, { spanContext: { value: () => context } }) as ReadableSpan;
}
