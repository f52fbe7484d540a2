import { context, propagation, ProxyTracerProvider, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  TracerProvider,
  type IdGenerator,
} from '@opentelemetry/sdk-trace';
import { KeepErrors, type ExportingProvider } from './keep-errors.js';

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
 *
 * Baggage is not propagated: agents are strangers, and what they put there would travel to every service and provider.
 */
export async function startTelemetry(service: string, traces: TraceExport | undefined): Promise<Telemetry> {
  const provider =
    traces === undefined ? new TracerProvider({ sampler: new AlwaysOffSampler() }) : await exporting(service, traces);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return { shutdown: () => provider.shutdown().finally(unregister) };
}

/** A process registers once; tests start several services in one. */
function unregister(): void {
  trace.disable();
  context.disable();
  propagation.disable();
}

async function exporting(service: string, { sampleRatio, slowMs, batches }: TraceExport): Promise<KeepErrors> {
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const start = (idGenerator: IdGenerator): ExportingProvider => {
    const sdk = new NodeSDK({
      serviceName: service,
      ...{ sampler: new AlwaysOnSampler(), idGenerator },
      spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), ...batches })],
      ...{ metricReaders: [], logRecordProcessors: [], instrumentations: [] },
    });
    sdk.start();
    const sdkProvider = trace.getTracerProvider();
    const provider = sdkProvider instanceof ProxyTracerProvider ? sdkProvider.getDelegate() : sdkProvider;
    // What it registers makes way for what is registered in its place.
    unregister();
    return { getTracer: (name, version) => provider.getTracer(name, version), shutdown: () => sdk.shutdown() };
  };
  return new KeepErrors({ sampleRatio, exporting: start, ...(slowMs === undefined ? {} : { slowMs }) });
}
