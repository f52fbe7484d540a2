import { KeywardError } from './errors.js';

export interface JsonBounds {
  maxBytes: number;
  maxDepth: number;
  /** Integers with more digits than a number holds (RFC 8259 section 6) are given as text: ids of others are not to become other ids. */
  longIntegersAsText?: boolean;
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

/** What was written where the value stands; not there in an older Node. */
type Source = { readonly source?: string } | undefined;
type Reviver = (key: string, value: unknown, written?: Source) => unknown;

/** A key that could reach an object's prototype once the value is merged or assigned somewhere. */
const refusePrototypeKeys: Reviver = (key, value) => {
  if (key === '__proto__')
    throw new KeywardError('invalid_request', 'The JSON holds the key "__proto__", which is not accepted.');
  return value;
};

const keepLongIntegers: Reviver = (key, value, written) => {
  const isLong = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(written?.source ?? '');
  return isLong ? written?.source : refusePrototypeKeys(key, value);
};

/** A reviver costs a call per value, so it runs only where something in the text asks for it. */
function reviverFor(text: string, { longIntegersAsText = false }: JsonBounds): Reviver | undefined {
  if (longIntegersAsText && /\d{16}/.test(text)) return keepLongIntegers;
  const isSuspicious = text.includes('__proto__') || text.includes('\\u005f') || text.includes('\\u005F');
  return isSuspicious ? refusePrototypeKeys : undefined;
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
