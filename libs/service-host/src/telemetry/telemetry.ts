import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AlwaysOffSampler,
  BatchSpanProcessor,
  createAlwaysRecordSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { KeepErrors } from './keep-errors.js';

export interface Telemetry {
  /** Sends what is still buffered. */
  shutdown(): Promise<void>;
}

/** What becomes of traces where they go somewhere. */
export interface TraceExport {
  /** Share of the traces beginning here that are exported whatever becomes of them, 0 to 1. */
  sampleRatio: number;
  /** What takes longer here is exported, too. */
  slowMs?: number;
  /** Of the batches that are sent, as OTEL_BSP_* say. */
  batches: { scheduledDelayMillis?: number; exportTimeoutMillis?: number; maxQueueSize?: number; maxExportBatchSize?: number };
}

/**
 * Without a collector, spans exist for their ids only: logs, audit records and answers carry a trace id all the same, and nothing is
 * recorded. The exporting SDK pulls in every exporter there is (30 MB), so it is loaded only where spans go somewhere.
 */
export async function startTelemetry(service: string, traces: TraceExport | undefined): Promise<Telemetry> {
  if (traces !== undefined) return startExporting(service, traces);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const provider = new TracerProvider({ sampler: new AlwaysOffSampler() });
  trace.setGlobalTracerProvider(provider);
  return { shutdown: () => provider.shutdown().finally(unregister) };
}

/** A process registers once; tests start several services in one. */
function unregister(): void {
  trace.disable();
  context.disable();
  propagation.disable();
}

/**
 * Baggage is not propagated: agents are strangers, and what they put there would travel to every service and provider.
 *
 * What is not sampled is recorded all the same, as nobody knows at the beginning of a request that it will fail.
 */
async function startExporting(service: string, { sampleRatio, slowMs, batches }: TraceExport): Promise<Telemetry> {
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const exporting = new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), ...batches });
  const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) });
  const sdk = new NodeSDK({
    serviceName: service,
    sampler: createAlwaysRecordSampler(sampler),
    spanProcessors: [new KeepErrors(exporting, slowMs === undefined ? {} : { slowMs })],
    textMapPropagator: new W3CTraceContextPropagator(),
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
  sdk.start();
  return { shutdown: () => sdk.shutdown().finally(unregister) };
}
