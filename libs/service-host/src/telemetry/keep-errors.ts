import {
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  SamplingDecision,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { RandomIdGenerator, TraceIdRatioBasedSampler, type IdGenerator } from '@opentelemetry/sdk-trace';
import { HeldSpan, type Beginning, type StartExported } from './held-span.js';
import { LocalTraces, type HoldingOptions } from './local-traces.js';

/** Exports every span that it is asked for. */
export interface ExportingProvider extends TracerProvider {
  shutdown(): Promise<void>;
}

export interface KeepErrorsOptions extends HoldingOptions {
  /** Share of the traces beginning here that are exported whatever becomes of them, 0 to 1. */
  sampleRatio: number;
  /** Makes what exports, whose spans have the ids of this generator. */
  exporting: (idGenerator: IdGenerator) => ExportingProvider;
}

const random = new RandomIdGenerator();

/** Gives the next span the ids that were decided on before it. */
class ChosenIds implements IdGenerator {
  #chosen: SpanContext | undefined;

  generateTraceId(): string {
    return this.#chosen?.traceId ?? random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#chosen?.spanId ?? random.generateSpanId();
  }

  during(chosen: SpanContext, start: () => Span): Span {
    this.#chosen = chosen;
    try {
      return start();
    } finally {
      this.#chosen = undefined;
    }
  }
}

/**
 * Spans of sampled traces are the SDK's. Those of the others are held back until their local root and everything below it has ended: where
 * one of them ended in an error, all are exported, else all are forgotten, and then they have cost little. What is decided is about this
 * process's part of a trace; another service decides about its own.
 */
export class KeepErrors implements TracerProvider {
  readonly #ids = new ChosenIds();
  readonly #sdk: ExportingProvider;
  readonly #held: LocalTraces;
  readonly #sampler: TraceIdRatioBasedSampler;

  constructor({ sampleRatio, exporting, ...holding }: KeepErrorsOptions) {
    this.#held = new LocalTraces(holding);
    this.#sampler = new TraceIdRatioBasedSampler(sampleRatio);
    this.#sdk = exporting(this.#ids);
  }

  getTracer(name: string, version?: string): Tracer {
    const exported = this.#sdk.getTracer(name, version);
    const startExported: StartExported = (ids, { name: spanName, options, parent }) =>
      this.#ids.during(ids, () => exported.startSpan(spanName, options, parent));
    const startSpan: Tracer['startSpan'] = (spanName, options = {}, parent = context.active()) => {
      const beginning = { name: spanName, options, parent: options.root === true ? trace.deleteSpan(parent) : parent };
      return this.#start(beginning, startExported);
    };
    return { startSpan, startActiveSpan: startActiveSpanWith(startSpan) };
  }

  shutdown(): Promise<void> {
    this.#held.giveUp();
    return this.#sdk.shutdown();
  }

  /** How many spans are held or open. */
  get size(): number {
    return this.#held.size;
  }

  #start(beginning: Beginning, startExported: StartExported): Span {
    const above = trace.getSpan(beginning.parent);
    const from = above?.spanContext();
    const hasParent = from !== undefined && isSpanContextValid(from);
    const ids = {
      traceId: hasParent ? from.traceId : random.generateTraceId(),
      spanId: random.generateSpanId(),
      traceFlags: TraceFlags.NONE,
      ...(from?.traceState === undefined ? {} : { traceState: from.traceState }),
    };
    const isSampled = hasParent ? (from.traceFlags & TraceFlags.SAMPLED) !== 0 : this.#isSampled(ids.traceId);
    if (isSampled) return startExported(ids, beginning);
    const isBelow = above instanceof HeldSpan && above.isRecording() && !above.trace.isOver;
    return new HeldSpan(isBelow ? above.trace : this.#held.begin(), ids, beginning, startExported);
  }

  #isSampled(traceId: string): boolean {
    return this.#sampler.shouldSample(ROOT_CONTEXT, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED;
  }
}

/** The three forms of `startActiveSpan`: the callback is last. */
function startActiveSpanWith(startSpan: Tracer['startSpan']): Tracer['startActiveSpan'] {
  return <F extends (span: Span) => unknown>(
    name: string,
    ...more: [F] | [SpanOptions, F] | [SpanOptions, Context, F]
  ): ReturnType<F> => {
    const work = more[more.length - 1] as F;
    const options = more.length > 1 ? (more[0] as SpanOptions) : {};
    const parent = more.length > 2 ? (more[1] as Context) : context.active();
    const span = startSpan(name, options, parent);
    return context.with(trace.setSpan(parent, span), () => work(span)) as ReturnType<F>;
  };
}
