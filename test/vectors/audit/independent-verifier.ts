import { createHash, createPublicKey, verify, type JsonWebKey } from 'node:crypto';

/*
 * Written from docs/audit.md alone, with nothing but the standard library: what an auditor would write. It says where an export stops being
 * sound, not why.
 */

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Members = { [name: string]: Json };
export interface Place {
  seq: number;
  hash: string;
}
export type Finding = { proof: 'proven' | 'chain' | 'rows' } | { brokenAtLine: number };
export interface Given {
  keys: readonly JsonWebKey[];
  anchors: readonly string[];
  expectHead?: Place | undefined;
}

class Broken extends Error {}

function must(holds: boolean): asserts holds {
  if (!holds) throw new Broken();
}

/** RFC 8785. Names are sorted by UTF-16 code units, which is what JavaScript compares by. */
function canonical(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const names = Object.keys(value).toSorted();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name] ?? null)}`).join(',')}}`;
}

const sha256 = (...parts: (Buffer | string)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

function thumbprint({ crv, kty, x, y }: JsonWebKey): string {
  return sha256(JSON.stringify(y === undefined ? { crv, kty, x } : { crv, kty, x, y })).toString('base64url');
}

/** What a checkpoint states, once it is known to be signed by one of the keys; without keys, what it states. */
function statement(jws: string, keys: readonly JsonWebKey[]): Members {
  const [header = '', payload = '', signature = ''] = jws.split('.');
  const [head, stated] = [header, payload].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Members);
  must(head?.['typ'] === 'keyward-checkpoint' && stated !== undefined && stated['v'] === 1);
  if (keys.length === 0) return stated;
  const jwk = keys.find((key) => thumbprint(key) === head['kid']);
  must(jwk !== undefined && head['alg'] === (jwk.kty === 'OKP' ? 'EdDSA' : 'ES256'));
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const digest = jwk.kty === 'OKP' ? null : 'sha256';
  const input = Buffer.from(`${header}.${payload}`);
  must(verify(digest, input, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')));
  return stated;
}

export function verifyIndependently(text: string, { keys, anchors, expectHead }: Given): Finding {
  const lines = text.split('\n');
  const known = [...anchors.map((jws) => statement(jws, keys) as unknown as Place), ...(expectHead ? [expectHead] : [])];
  let at: Place = { seq: 0, hash: '0'.repeat(64) };
  let [events, provenSeq, line] = [0, -1, 0];
  let header: Members | undefined;
  let isWhole = false;
  const meet = (place: Place): void => {
    at = place;
    for (const one of known.filter(({ seq }) => seq === at.seq)) {
      must(one.hash === at.hash);
      provenSeq = at.seq;
    }
  };
  try {
    if (lines.at(-1) === '') lines.pop();
    for (const one of lines) {
      line++;
      const value = JSON.parse(one) as Members;
      must(JSON.stringify(value) === one && !isWhole);
      if (header === undefined) {
        must(value['kind'] === 'export' && value['v'] === 1);
        header = value;
        if (header['from'] !== null) meet(header['from'] as unknown as Place);
      } else if (value['kind'] === 'event') {
        const { seq, prevHash, hash, event } = value as unknown as Place & { prevHash: string; event: Members };
        must(event['org'] === header['organization']);
        must(header['filter'] === null ? seq === at.seq + 1 && prevHash === at.hash : seq > at.seq);
        must(sha256(Buffer.from(prevHash, 'hex'), canonical(event)).toString('hex') === hash);
        meet({ seq, hash });
        events++;
      } else if (value['kind'] === 'checkpoint') {
        const stated = statement(String(value['jws']), keys);
        must(stated['org'] === header['organization'] && stated['seq'] === at.seq && stated['hash'] === at.hash);
        if (keys.length > 0) provenSeq = at.seq;
      } else {
        must(value['kind'] === 'end' && value['events'] === events);
        isWhole = true;
        if (header['filter'] !== null) continue;
        const head = value['head'] as unknown as Place | null;
        must((head?.seq ?? 0) === at.seq && (head === null || head.hash === at.hash));
        must(known.every(({ seq }) => seq <= at.seq));
        must(keys.length === 0 || at.seq === 0 || provenSeq === at.seq);
      }
    }
    line++;
    must(isWhole);
  } catch (thrown) {
    if (thrown instanceof Broken || thrown instanceof SyntaxError) return { brokenAtLine: Math.max(line, 1) };
    throw thrown;
  }
  return { proof: header?.['filter'] !== null ? 'rows' : provenSeq === at.seq ? 'proven' : 'chain' };
}
