import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { JsonWebKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { readLines, verifyExport, type VerifyExportOptions } from '@keyward/audit/verification';
import { verifyIndependently, type Place } from './independent-verifier.js';

interface Case {
  name: string;
  file: string;
  keys?: false;
  anchors?: true;
  expectHead?: Place;
  verdict: { ok: true; proof: string } | { ok: false; reason: string; line: number; seq?: number };
}

const at = (...names: string[]): string => path.join(import.meta.dirname, ...names);
const read = (...names: string[]): string => readFileSync(at(...names), 'utf8');
const cases = JSON.parse(read('cases.json')) as Case[];
const { keys } = JSON.parse(read('keys.json')) as { keys: JsonWebKey[] };
const [organization = ''] = readdirSync(at('anchors', 'checkpoints'));
const anchors = readdirSync(at('anchors', 'checkpoints', organization))
  .toSorted()
  .map((name) => ({ name, jws: read('anchors', 'checkpoints', organization, name) }));

describe('the test vectors of exports', () => {
  it.each(cases)('$name: our verifier finds what is to be found', async (one) => {
    const { expectHead: expectedHead, verdict } = one;
    const found = await verifyExport(readLines(createReadStream(at(one.file))), {
      keys: (one.keys === false ? [] : keys) as NonNullable<VerifyExportOptions['keys']>,
      ...(one.anchors === true ? { anchors } : {}),
      ...(expectedHead === undefined ? {} : { expectedHead }),
    });
    const said = found.ok ? { ok: true, proof: found.proof } : { ok: false, ...found.fault };
    expect(said).toEqual(verdict.ok ? verdict : { ...verdict, message: expect.any(String) });
  });

  it.each(cases)('$name: so does one that was written from the document', ({ file, verdict, ...given }) => {
    const found = verifyIndependently(read(file), {
      keys: given.keys === false ? [] : keys,
      anchors: given.anchors === true ? anchors.map(({ jws }) => jws) : [],
      expectHead: given.expectHead,
    });
    expect(found).toEqual(verdict.ok ? { proof: verdict.proof } : { brokenAtLine: verdict.line });
  });

  it('are all listed', () => {
    const files = readdirSync(at()).filter((name) => name.endsWith('.jsonl'));
    expect(new Set(cases.map(({ file }) => file))).toEqual(new Set(files));
  });
});
