/** Just enough of protobuf's wire format (https://protobuf.dev/programming-guides/encoding/) to read OTLP logs as a receiver would. */
type Field = bigint | Buffer;
export type Message = Map<number, Field[]>;

export function decodeMessage(bytes: Uint8Array): Message {
  const data = Buffer.from(bytes);
  const fields: Message = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(data.readUInt8(at++));
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return value;
    }
  };
  const take = (length: number): Buffer => data.subarray(at, (at += length));
  while (at < data.length) {
    const tag = varint();
    const wire = Number(tag & 7n);
    const value = wire === 0 ? varint() : take(wire === 2 ? Number(varint()) : wire === 1 ? 8 : 4);
    fields.set(Number(tag >> 3n), [...(fields.get(Number(tag >> 3n)) ?? []), value]);
  }
  return fields;
}

const inner = (message: Message, field: number): Message[] =>
  (message.get(field) ?? []).map((value) => decodeMessage(value as Buffer));
const text = (message: Message, field: number): string => String(message.get(field)?.[0] ?? '');

/** opentelemetry.proto.common.v1.KeyValue, values that are a string, an integer or a double */
function attributesOf(message: Message, field: number): Record<string, unknown> {
  return Object.fromEntries(
    inner(message, field).map((pair) => {
      const [value = new Map() as Message] = inner(pair, 2);
      const integer = value.get(3)?.[0];
      const double = value.get(4)?.[0];
      const of =
        typeof integer === 'bigint' ? Number(integer) : double === undefined ? text(value, 1) : (double as Buffer).readDoubleLE();
      return [text(pair, 1), of];
    }),
  );
}

export interface ReceivedLog {
  resource: Record<string, unknown>;
  atMs: number;
  severity: number;
  severityText: string;
  body: string;
  traceId: string;
  eventName: string;
  attributes: Record<string, unknown>;
}

/** opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest */
export function decodeLogs(body: Uint8Array): ReceivedLog[] {
  return inner(decodeMessage(body), 1).flatMap((resourceLogs) => {
    const resource = attributesOf(inner(resourceLogs, 1)[0] ?? new Map(), 1);
    return inner(resourceLogs, 2)
      .flatMap((scopeLogs) => inner(scopeLogs, 2))
      .map((log) => ({
        resource,
        atMs: Number((log.get(1)?.[0] as Buffer).readBigUInt64LE() / 1_000_000n),
        severity: Number(log.get(2)?.[0]),
        severityText: text(log, 3),
        body: text(inner(log, 5)[0] ?? new Map(), 1),
        traceId: (log.get(9)?.[0] as Buffer).toString('hex'),
        eventName: text(log, 12),
        attributes: attributesOf(log, 6),
      }));
  });
}

/** ExportLogsServiceResponse with a partial success. */
export function partialSuccess(rejected: number, reason: string): Buffer {
  const message = Buffer.concat([Buffer.from([0x08, rejected, 0x12, reason.length]), Buffer.from(reason)]);
  return Buffer.concat([Buffer.from([0x0a, message.length]), message]);
}
