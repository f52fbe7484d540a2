import { isSpanContextValid, trace } from '@opentelemetry/api';
import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { describeError } from './describe-error.js';

/**
 * Members that would hold a secret if someone logged a whole object. The rule is to log none of these; this is the net below it.
 * Two levels deep: deeper wildcards cost more than a log line itself.
 */
const SECRET_MEMBERS = [
  'authorization', 'cookie', '["set-cookie"]', 'password', 'secret', 'token', 'access_token', 'refresh_token', 'id_token',
  'client_secret', 'code_verifier', 'accessToken', 'refreshToken', 'clientSecret', 'apiKey', 'credential',
]; // prettier-ignore

const REDACTED_PATHS = SECRET_MEMBERS.flatMap((member) => [member, member.startsWith('[') ? `*${member}` : `*.${member}`]);

/** Drivers quote connection strings and libraries quote headers in the texts of their errors. */
const SECRETS_IN_TEXT = /(:\/\/)[^\s/@:"\\]*:[^\s/@"\\]*(?=@)|\b(Bearer|Basic) [\w.~+/=-]+/gi;

function redactText(line: string): string {
  return line.replace(SECRETS_IN_TEXT, (_found, scheme: string | undefined, kind: string | undefined) =>
    scheme === undefined ? `${kind} [redacted]` : `${scheme}[redacted]`,
  );
}

/** Ids of the span that is active where the line is logged, so that every line is found from a trace id. */
function traceFields(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span !== undefined && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

/**
 * JSON lines on stdout unless told otherwise. Each is written before the call returns: a buffered one would be missing after exactly
 * the crash that it explains.
 */
export function createLogger(
  service: string,
  level: string,
  stream: DestinationStream = destination({ fd: 1, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: { service, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
      mixin: traceFields,
      serializers: { err: describeError },
      hooks: { streamWrite: redactText },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    },
    stream,
  );
}
