import { isUtf8 } from 'node:buffer';
import type { Answer, ReadAs } from '@keyward/connectors';
import { KeywardError, parseBoundedJson, REQUEST_BOUNDS } from '@keyward/contracts';
import type { EgressResponse } from '@keyward/egress';

const MAX_ERROR_BYTES = 4_096;

/** What is not JSON, as JSON. */
type Wrapped = { contentType: string; text: string } | { contentType: string; base64: string };

/** What was answered, parsed, and how many bytes it was. */
export interface Received {
  readonly answer: Answer;
  readonly bytes: number;
}

/** Null where there is no body. What should be JSON and is not stays legible: it is wrapped. */
export function receivedFrom(response: EgressResponse, readAs: ReadAs): Received {
  const { status, headers, body } = response;
  return { answer: { status, headers, body: body.length === 0 ? null : parsed(response, readAs) }, bytes: body.length };
}

function parsed(response: EgressResponse, readAs: ReadAs): unknown {
  if (readAs === 'bytes') return response.body;
  if (readAs === 'text') return response.body.toString();
  const json = jsonOf(response);
  return json === undefined ? wrapped(response, response.body.length) : json.value;
}

/** @throws KeywardError `response_too_large` */
export function bounded(output: unknown, maxBytes: number): unknown {
  if (sizeOf(output) <= maxBytes) return output;
  throw tooLarge(maxBytes);
}

/** Bytes of its JSON. */
export function sizeOf(output: unknown): number {
  return Buffer.byteLength(JSON.stringify(output) ?? '');
}

export function tooLarge(maxBytes: number): KeywardError {
  return new KeywardError('response_too_large', `The call was carried out, but its output is larger than ${maxBytes} bytes.`);
}

/** The body of an error, short: JSON where it is, else the beginning of the text. */
export function errorBody(response: EgressResponse): unknown {
  const { body } = response;
  if (body.length === 0) return null;
  const json = body.length <= MAX_ERROR_BYTES ? jsonOf(response) : undefined;
  return json === undefined ? wrapped(response, MAX_ERROR_BYTES) : json.value;
}

/** Undefined where it is not JSON, or JSON that may not be handed on: too deep, or with a key that reaches a prototype. */
function jsonOf({ headers, body }: EgressResponse): { value: unknown } | undefined {
  if (!/[/+]json\s*(;|$)/i.test(headers['content-type'] ?? '')) return undefined;
  try {
    return { value: parseBoundedJson(body, { ...REQUEST_BOUNDS, maxBytes: body.length, longIntegersAsText: true }) };
  } catch {
    return undefined;
  }
}

/** RFC 9110 section 8.3: what says nothing is bytes. */
export function contentTypeOf({ headers }: Pick<EgressResponse, 'headers'>): string {
  return headers['content-type'] ?? 'application/octet-stream';
}

function wrapped(response: EgressResponse, maxBytes: number): Wrapped {
  const { body } = response;
  const contentType = contentTypeOf(response);
  const isText = isUtf8(body) && !body.includes(0);
  const cut = body.subarray(0, maxBytes);
  return isText ? { contentType, text: cut.toString() } : { contentType, base64: cut.toString('base64') };
}
