import { gunzipSync } from 'node:zlib';

/**
 * Where a secret shows in some bytes, in whatever dress it might have left: raw, percent-encoded, JSON-escaped, hex, base64 and base64url
 * at each of the three alignments, also inside gzip members.
 */
export function findSecret(secret: string, haystack: Buffer): string | undefined {
  for (const [dress, needle] of dresses(secret)) {
    if (haystack.includes(needle)) return dress;
  }
  for (const member of gzipMembers(haystack)) {
    const inside = findSecret(secret, member);
    if (inside !== undefined) return `gzip of ${inside}`;
  }
  return undefined;
}

function dresses(secret: string): [string, string][] {
  const raw = Buffer.from(secret);
  const found: [string, string][] = [
    ['raw', secret],
    ['percent-encoded', encodeURIComponent(secret)],
    ['JSON-escaped', JSON.stringify(secret).slice(1, -1)],
    ['hex', raw.toString('hex')],
    ['HEX', raw.toString('hex').toUpperCase()],
  ];
  for (const alignment of [0, 1, 2]) {
    // The characters at both ends mix with unknown neighbours; what is between is fixed by the secret alone.
    const padded = Buffer.concat([Buffer.alloc(alignment), raw])
      .toString('base64')
      .replace(/=+$/, '');
    const inner = padded.slice(alignment === 0 ? 0 : alignment + 1, -1);
    found.push([`base64 at ${alignment}`, inner], [`base64url at ${alignment}`, inner.replaceAll('+', '-').replaceAll('/', '_')]);
  }
  return found;
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);

function* gzipMembers(bytes: Buffer): Generator<Buffer> {
  for (let at = bytes.indexOf(GZIP_MAGIC); at !== -1; at = bytes.indexOf(GZIP_MAGIC, at + 1)) {
    try {
      yield gunzipSync(bytes.subarray(at));
    } catch {
      // Three bytes that only look like the start of a member.
    }
  }
}
