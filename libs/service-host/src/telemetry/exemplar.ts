import { trace, TraceFlags } from '@opentelemetry/api';
import { Histogram, type Registry } from 'prom-client';

interface HistogramSettings<T extends string> {
  name: string;
  help: string;
  labelNames: readonly T[];
  buckets: number[];
}

const NONE = Object.freeze({});

/**
 * A histogram whose buckets each name the trace of the latest value in them (OpenMetrics 1.0, "Exemplars"), where that is one that is
 * exported. Memory: one exemplar for a bucket of a series.
 */
export function histogramWithExemplars<T extends string>(
  registry: Registry,
  settings: HistogramSettings<T>,
): (labels: Readonly<Record<T, string>>, value: number) => void {
  // prom-client takes exemplars for a registry of the other format only; ours is rendered in both.
  const histogram = new Histogram<string>({ ...settings, registers: [], enableExemplars: true });
  registry.registerMetric(histogram);
  return (labels, value) => histogram.observe({ labels, value, exemplarLabels: exemplarOfActiveTrace() });
}

/** None, where nobody could find the trace. */
function exemplarOfActiveTrace(): { trace_id?: string; span_id?: string } {
  const span = trace.getActiveSpan()?.spanContext();
  if (span === undefined || (span.traceFlags & TraceFlags.SAMPLED) === 0) return NONE;
  return { trace_id: span.traceId, span_id: span.spanId };
}
