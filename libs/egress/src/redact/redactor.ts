const MARK = '[redacted]';
/** A shorter text would be found everywhere. No provider's token is. */
const MIN_SECRET_LENGTH = 8;

/**
 * Takes secrets out of what a provider sends back, in the forms in which servers echo what they got: as it is, URL-encoded (either
 * case, or as a form), as JSON writes it once or twice, with JSON's escaped slash or more escapes, and each of these in base64 or base64url at any of the
 * three alignments, alone or inside a longer text such as `Basic …` or a whole dumped request.
 */
export class Redactor {
  private readonly needles: readonly string[];

  constructor(secrets: readonly string[]) {
    const long = secrets.filter((secret) => secret.length >= MIN_SECRET_LENGTH);
    // The longest first: of a text that holds another nothing is left to be found.
    this.needles = [...new Set(long.flatMap(formsOf))].sort((a, b) => b.length - a.length);
  }

  /** The same buffer where there is nothing to redact, which is nearly always. */
  body(body: Buffer): Buffer {
    if (!this.needles.some((needle) => body.includes(needle, 0, 'latin1'))) return body;
    return Buffer.from(this.text(body.toString('latin1')), 'latin1');
  }

  readonly text = (text: string): string => {
    let result = text;
    for (const needle of this.needles) if (result.includes(needle)) result = result.replaceAll(needle, MARK);
    return result;
  };
}

/** What no encoding but base64 changes: nearly every token is only that. */
const PLAIN = /^[A-Za-z0-9._~-]+$/;

/** As they are found among bytes: text beyond ASCII is UTF-8 there. */
function formsOf(text: string): string[] {
  const plain = PLAIN.test(text) ? [text] : encodings(text);
  const base64 = plain.flatMap((each) => [0, 1, 2].map((offset) => stableBase64(each, offset)));
  const base64url = base64
    .filter((each) => each.includes('+') || each.includes('/'))
    .map((each) => each.replaceAll('+', '-').replaceAll('/', '_'));
  return [...plain, ...base64, ...base64url];
}

function encodings(text: string): string[] {
  const secret = Buffer.from(text).toString('latin1');
  const encoded = encodeURIComponent(text);
  // RFC 3986 reserves these as well; half of the libraries take it at its word.
  const strict = encoded.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const lower = [encoded, strict].map((each) => each.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()));
  const form = new URLSearchParams({ '': text }).toString().slice(1);
  const json = [escaped(secret), ...asEscapes(text)];
  const slashed = json.map((each) => each.replaceAll('/', '\\/'));
  return [...new Set([secret, encoded, strict, ...lower, form, ...json, ...slashed, escaped(escaped(secret))])];
}

/** JSON as those write it who escape more than they must (RFC 8259 section 7): whoever parses it has the secret. */
function asEscapes(text: string): string[] {
  const json = escaped(text);
  const hex = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const upper = (char: string) => `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  return [
    Buffer.from(json.replace(/[<>&]/g, hex)).toString('latin1'), // safe in HTML: Go, Rails
    json.replace(/[^\x20-\x7e]/g, hex), // ASCII only: Python, PHP
    json.replaceAll('\\"', '\\u0022').replace(/[<>&'+`]|[^\x20-\x7e]/g, upper), // both, and more: .NET
  ];
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** The base64 characters that depend on nothing but the secret, when `offset` bytes stand before it in its group of three. */
function stableBase64(secret: string, offset: number): string {
  const padded = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret, 'latin1')]);
  const start = offset === 0 ? 0 : offset + 1;
  return padded.toString('base64').slice(start, Math.floor((padded.length * 8) / 6));
}
