const MARK = '[redacted]';
/** A shorter text would be found everywhere. No provider's token is. */
const MIN_SECRET_LENGTH = 8;

/**
 * Takes a secret out of what a provider sends back, in the forms in which servers echo what they got: as it is, URL-encoded (either
 * case), with JSON's escaped slash, and in base64 or base64url at any of the three alignments, alone or inside a longer text such as
 * `Basic …` or a whole dumped request.
 */
export class Redactor {
  private readonly needles: readonly string[];

  constructor(secret: string) {
    this.needles = secret.length < MIN_SECRET_LENGTH ? [] : [...new Set(formsOf(secret))];
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

function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret);
  const lower = encoded.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
  const base64 = [0, 1, 2].map((offset) => stableBase64(secret, offset));
  const base64url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [secret, encoded, lower, secret.replaceAll('/', '\\/'), ...base64, ...base64url];
}

/** The base64 characters that depend on nothing but the secret, when `offset` bytes stand before it in its group of three. */
function stableBase64(secret: string, offset: number): string {
  const padded = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret, 'latin1')]);
  const start = offset === 0 ? 0 : offset + 1;
  return padded.toString('base64').slice(start, Math.floor((padded.length * 8) / 6));
}
