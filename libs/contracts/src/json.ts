import { KeywardError } from './errors.js';

export interface JsonBounds {
  maxBytes: number;
  maxDepth: number;
  /** No U+0000 and no half of a surrogate pair: neither can be stored as text or in `jsonb`, nor sent on as UTF-8. */
  plainText?: boolean;
}

/** What a request at any of our doors may be. Depth is what keeps recursive validators and serialisers off the stack's end. */
export const REQUEST_BOUNDS: JsonBounds = { maxBytes: 1_048_576, maxDepth: 64, plainText: true };

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

/** Raw, both are invalid already (JSON forbids the one, UTF-8 the other), so that they come as escapes or not at all. */
const ESCAPED_NUL_OR_SURROGATE = /\\u(?:0000|[dD][89a-fA-F])/;

function refuseUnstorableText(this: unknown, key: string, value: unknown): unknown {
  for (const text of [key, value])
    if (typeof text === 'string' && (text.includes('\0') || !text.isWellFormed()))
      throw new KeywardError(
        'invalid_request',
        'The JSON holds text with U+0000 or half a surrogate pair, which is not accepted.',
      );
  return refusePrototypeKeys.call(this, key, value);
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
  try {
    return JSON.parse(text, reviverFor(text, bounds));
  } catch (cause) {
    if (cause instanceof KeywardError) throw cause;
    throw new KeywardError('invalid_request', 'The body is not valid JSON.', { cause });
  }
}

/** A reviver costs a call per value, so one runs only over a text in which what it looks for can be. */
function reviverFor(text: string, { plainText = false }: JsonBounds) {
  if (plainText && ESCAPED_NUL_OR_SURROGATE.test(text)) return refuseUnstorableText;
  const suspicious = text.includes('__proto__') || text.includes('\\u005f') || text.includes('\\u005F');
  return suspicious ? refusePrototypeKeys : undefined;
}
