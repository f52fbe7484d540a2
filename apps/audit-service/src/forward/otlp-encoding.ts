import { canonicalJson } from '@keyward/audit';
import { KeywardError, type AuditEvent, type AuditRecord, type ExecutionState } from '@keyward/contracts';
import { SeverityNumber, type Attributes, type HrTime } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { sentenceOf } from './line.js';
import type { Encoding } from './message.js';

const SEVERITY = {
  INFO: SeverityNumber.INFO,
  WARN: SeverityNumber.WARN,
  ERROR: SeverityNumber.ERROR,
} as const;

const SEVERITY_OF_STATE: Partial<Record<ExecutionState, keyof typeof SEVERITY>> = {
  failed: 'ERROR',
  unknown: 'ERROR',
  denied: 'WARN',
  expired: 'WARN',
};

const SCOPE = { name: 'keyward.audit', version: '1' };
const NO_SPAN = '';

/**
 * OTLP logs, as protobuf, which every receiver takes. Loaded only where a destination is one: nothing else here needs it.
 * @param service as in metrics and traces
 */
export async function otlpEncoding(service: string): Promise<Encoding> {
  const [{ JsonLogsSerializer, ProtobufLogsSerializer }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/otlp-transformer'),
    import('@opentelemetry/resources'),
  ]);
  const resource = resourceFromAttributes({ 'service.name': service, 'service.namespace': 'keyward' });
  return {
    encode: (records) => ({
      contentType: 'application/x-protobuf',
      body: ProtobufLogsSerializer.serializeRequest(records.map((record) => logRecordOf(record, resource))) ?? new Uint8Array(),
    }),
    rejected: (answer, contentType) => {
      // What a web server says that knows nothing of logs.
      if (contentType === 'text/html') throw new KeywardError('internal', 'It was answered by no receiver of OTLP.');
      // OTLP, "Partial Success": what is not kept is counted, and is not to be sent again.
      const serializer = contentType === 'application/json' ? JsonLogsSerializer : ProtobufLogsSerializer;
      const { partialSuccess } = serializer.deserializeResponse(answer);
      return { count: Number(partialSuccess?.rejectedLogRecords ?? 0), reason: partialSuccess?.errorMessage ?? '' };
    },
  };
}

export function logRecordOf(record: AuditRecord, resource: Resource): ReadableLogRecord {
  const { event } = record;
  const severity = severityOf(event);
  const time = hrTimeOf(event.at);
  return {
    hrTime: time,
    hrTimeObserved: time,
    severityNumber: SEVERITY[severity],
    severityText: severity,
    eventName: `keyward.${event.type}`,
    body: sentenceOf(event),
    spanContext: { traceId: event.traceId, spanId: NO_SPAN, traceFlags: 0 },
    attributes: attributesOf(record),
    droppedAttributesCount: 0,
    resource,
    instrumentationScope: SCOPE,
  };
}

/** An event that has no state, such as that of an admin, is as bad as the error it names. */
function severityOf({ state, errorCode }: AuditEvent): keyof typeof SEVERITY {
  if (state !== undefined) return SEVERITY_OF_STATE[state] ?? 'INFO';
  return errorCode === undefined ? 'INFO' : 'WARN';
}

function hrTimeOf(at: string): HrTime {
  const ms = Date.parse(at);
  return [Math.floor(ms / 1000), (ms % 1000) * 1_000_000];
}

/** Names of OpenTelemetry's semantic conventions where it has one; `log.record.original` is the text that the chain's hash is made of. */
function attributesOf({ event, seq, prevHash, hash }: AuditRecord): Attributes {
  const attributes: Record<string, string | number | string[] | undefined> = {
    'log.record.uid': event.id,
    'log.record.original': canonicalJson(event),
    'user.id': event.user,
    'gen_ai.agent.id': event.agent,
    'gen_ai.operation.name': event.tool === undefined ? undefined : 'execute_tool',
    'gen_ai.tool.name': event.tool,
    'gen_ai.tool.call.id': event.execution,
    'error.type': event.errorCode,
    'http.response.status_code': event.providerStatus,
    'keyward.event.type': event.type,
    'keyward.organization': event.org,
    'keyward.actor.kind': event.actor.kind,
    'keyward.actor.id': event.actor.id,
    'keyward.provider': event.provider,
    'keyward.connection': event.connection,
    'keyward.state': event.state,
    'keyward.reason': event.reason,
    'keyward.target': event.target,
    'keyward.cost_micros': event.costMicros,
    'keyward.chain.seq': seq,
    'keyward.chain.prev_hash': prevHash,
    'keyward.chain.hash': hash,
  };
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
