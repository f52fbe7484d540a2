import { isUtf8 } from 'node:buffer';
import { KeywardError, parseBoundedJson, REQUEST_BOUNDS } from '@keyward/contracts';
import type { EgressResponse } from '@keyward/egress';

/** How many characters of JSON one byte of a body can become at worst: a control character, as `\u0000`. */
const WORST_GROWTH = 6;
const MAX_ERROR_BYTES = 4_096;

/** What is not JSON, as JSON. */
type Wrapped = { contentType: string; text: string } | { contentType: string; base64: string };

/**
 * The provider's answer as the output of a result: its JSON as it is, anything else wrapped, null where there is no body.
 *
 * @throws KeywardError `response_too_large`
 */
export function outputOf(response: EgressResponse, maxBytes: number): unknown {
  const { body } = response;
  if (body.length === 0) return null;
  const json = jsonOf(response);
  const output = json === undefined ? wrapped(response, body.length) : json.value;
  // Measuring means writing it once more, so it is done only where it could matter.
  return body.length * WORST_GROWTH > maxBytes ? bounded(output, maxBytes) : output;
}

/** @throws KeywardError `response_too_large` */
export function bounded(output: unknown, maxBytes: number): unknown {
  if (Buffer.byteLength(JSON.stringify(output)) <= maxBytes) return output;
  throw new KeywardError('response_too_large', `The call was carried out, but its output is larger than ${maxBytes} bytes.`);
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
    return { value: parseBoundedJson(body, { maxBytes: body.length, maxDepth: REQUEST_BOUNDS.maxDepth }) };
  } catch {
    return undefined;
  }
}

function wrapped({ headers, body }: EgressResponse, maxBytes: number): Wrapped {
  const contentType = headers['content-type'] ?? 'application/octet-stream';
  const isText = isUtf8(body) && !body.includes(0);
  const cut = body.subarray(0, maxBytes);
  return isText ? { contentType, text: cut.toString() } : { contentType, base64: cut.toString('base64') };
}
