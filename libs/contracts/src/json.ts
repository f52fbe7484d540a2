import { KeywardError } from './errors.js';

export interface JsonBounds {
  maxBytes: number;
  maxDepth: number;
}

/** What a request at any of our doors may be. Depth is what keeps recursive validators and serialisers off the stack's end. */
export const REQUEST_BOUNDS: JsonBounds = { maxBytes: 1_048_576, maxDepth: 64 };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/** Nesting depth of a JSON text, read from its bytes before anything recursive touches it. Stops early once above `limit`. */
function exceedsDepth(bytes: Uint8Array, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPEN.has(byte)) {
      if (++depth > limit) return true;
    } else if (CLOSE.has(byte)) depth--;
  }
  return false;
}

/** A key that could reach an object's prototype once the value is merged or assigned somewhere. */
function refusePrototypeKeys(this: unknown, key: string, value: unknown): unknown {
  if (key === '__proto__')
    throw new KeywardError('invalid_request', 'The JSON holds the key "__proto__", which is not accepted.');
  return value;
}

/** @throws KeywardError `request_too_large` or `invalid_request`; the text itself is never quoted. */
export function parseBoundedJson(bytes: Uint8Array, bounds: JsonBounds = REQUEST_BOUNDS): unknown {
  if (bytes.byteLength > bounds.maxBytes) {
    throw new KeywardError('request_too_large', `The request body is larger than ${bounds.maxBytes} bytes.`);
  }
  if (exceedsDepth(bytes, bounds.maxDepth)) {
    throw new KeywardError('invalid_request', `The JSON is nested deeper than ${bounds.maxDepth} levels.`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new KeywardError('invalid_request', 'The body is not valid UTF-8.', { cause });
  }
  // A reviver costs a call per value, so it runs only where the suspicious key appears at all.
  const suspicious = text.includes('__proto__') || text.includes('\\u005f') || text.includes('\\u005F');
  try {
    return suspicious ? JSON.parse(text, refusePrototypeKeys) : JSON.parse(text);
  } catch (cause) {
    if (cause instanceof KeywardError) throw cause;
    throw new KeywardError('invalid_request', 'The body is not valid JSON.', { cause });
  }
}
