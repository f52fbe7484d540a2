import { z } from 'zod';
import type { TraceExport } from '../telemetry/telemetry.js';
import { fragment } from './fragment.js';
import { port, urlOf } from './fragments.js';

const milliseconds = z.coerce.number({ error: 'it must be a number of milliseconds' }).int();
const count = z.coerce.number({ error: 'it must be a number' }).int().min(1).max(1_000_000).optional();

/** What the host itself needs; every service has it. */
export const hostConfig = fragment(
  {
    KEYWARD_OPS_HOST: z.string().default('127.0.0.1'),
    KEYWARD_OPS_PORT: port.default(9100),
    KEYWARD_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
    KEYWARD_LOG_REQUESTS: z.enum(['true', 'false']).default('false'),
    KEYWARD_DRAIN_TIMEOUT_MS: milliseconds.min(100).max(600_000).default(20_000),
    OTEL_EXPORTER_OTLP_ENDPOINT: urlOf('http', 'https').describe('the base URL of an OTLP/HTTP collector').optional(),
    KEYWARD_TRACE_SAMPLE_RATIO: z.coerce
      .number({ error: 'it must be a number from 0 to 1' })
      .min(0)
      .max(1)
      .default(1)
      .describe('the share of traces that are exported, from 0 to 1'),
    KEYWARD_TRACE_SLOW_MS: milliseconds.min(1).max(3_600_000).optional(),
    // As the OpenTelemetry specification names them ("Batch Span Processor").
    OTEL_BSP_SCHEDULE_DELAY: milliseconds.min(0).max(600_000).optional(),
    OTEL_BSP_EXPORT_TIMEOUT: milliseconds.min(1).max(600_000).optional(),
    OTEL_BSP_MAX_QUEUE_SIZE: count,
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: count,
  },
  (env) => ({
    ops: { host: env.KEYWARD_OPS_HOST, port: env.KEYWARD_OPS_PORT },
    logLevel: env.KEYWARD_LOG_LEVEL,
    logRequests: env.KEYWARD_LOG_REQUESTS === 'true',
    drainTimeoutMs: env.KEYWARD_DRAIN_TIMEOUT_MS,
    traces: env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : tracesOf(env),
  }),
);

function tracesOf(env: {
  KEYWARD_TRACE_SAMPLE_RATIO: number;
  KEYWARD_TRACE_SLOW_MS?: number | undefined;
  OTEL_BSP_SCHEDULE_DELAY?: number | undefined;
  OTEL_BSP_EXPORT_TIMEOUT?: number | undefined;
  OTEL_BSP_MAX_QUEUE_SIZE?: number | undefined;
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE?: number | undefined;
}): TraceExport {
  const given = {
    scheduledDelayMillis: env.OTEL_BSP_SCHEDULE_DELAY,
    exportTimeoutMillis: env.OTEL_BSP_EXPORT_TIMEOUT,
    maxQueueSize: env.OTEL_BSP_MAX_QUEUE_SIZE,
    maxExportBatchSize: env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
  };
  const batches = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const slowMs = env.KEYWARD_TRACE_SLOW_MS;
  return { sampleRatio: env.KEYWARD_TRACE_SAMPLE_RATIO, batches, ...(slowMs === undefined ? {} : { slowMs }) };
}
