import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace';

export interface Telemetry {
  /** Sends what is still buffered. */
  shutdown(): Promise<void>;
}

/**
 * Without a collector, spans exist for their ids only: logs, audit records and answers carry a trace id all the same, and nothing is
 * recorded. The exporting SDK pulls in every exporter there is (30 MB), so it is loaded only where spans go somewhere.
 */
export async function startTelemetry(service: string, exportTraces: boolean): Promise<Telemetry> {
  if (exportTraces) return startExporting(service);
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

/** Baggage is not propagated: agents are strangers, and what they put there would travel to every service and provider. */
async function startExporting(service: string): Promise<Telemetry> {
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const sdk = new NodeSDK({
    serviceName: service,
    traceExporter: new OTLPTraceExporter(),
    textMapPropagator: new W3CTraceContextPropagator(),
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
  sdk.start();
  return { shutdown: () => sdk.shutdown().finally(unregister) };
}
