import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHmac } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chainHash } from '../chain.js';
import { EphemeralSigner, sampleExport, type SampleExport } from '../testing/index.js';
import type { ExportLine } from './lines.js';
import { readLines } from './read-lines.js';
import type { ExportVerdict } from './verdict.js';
import { verifyExport, type VerifyExportOptions } from './verify-export.js';

const dir = mkdtempSync(join(tmpdir(), 'keyward-export-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let signer: EphemeralSigner;
let sample: SampleExport;
let other: SampleExport;
beforeAll(async () => {
  signer = await EphemeralSigner.create();
  sample = await sampleExport({ signer });
  other = await sampleExport({ signer });
});

/** From a real file, as an auditor has it. */
function verifyFile(content: string | Buffer, options: VerifyExportOptions = {}): Promise<ExportVerdict> {
  const file = join(dir, 'export.jsonl');
  writeFileSync(file, content);
  return verifyExport(readLines(createReadStream(file)), { keys: [signer.publicJwk()], ...options });
}

type Lines = ExportLine[];
const text = (lines: Lines): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const verify = (lines: Lines, options?: VerifyExportOptions): Promise<ExportVerdict> => verifyFile(text(lines), options);

/** Lines: 1 the header; seq 1–4 in 2–5; checkpoint 6; seq 5–8 in 7–10; checkpoint 11; seq 9, 10 in 12, 13; checkpoint 14; end 15. */
const lineOf = (lines: Lines, seq: number): number => lines.findIndex((line) => line.kind === 'event' && line.seq === seq);
const edit = (lines: Lines, seq: number): Lines =>
  lines.map((line) =>
    line.kind === 'event' && line.seq === seq ? { ...line, event: { ...line.event, reason: 'nothing' } } : line,
  );
const without = (lines: Lines, ...indexes: number[]): Lines => lines.filter((_, index) => !indexes.includes(index));

/** Every row from `seq` on with its hashes put right, as somebody would who has the database. */
function rehashed(lines: Lines, seq: number, last = Infinity): Lines {
  let prev: string | undefined;
  return lines.map((line) => {
    if (line.kind === 'end') return last === Infinity ? { ...line, head: { seq: line.events, hash: prev ?? '' } } : line;
    if (line.kind !== 'event' || line.seq < seq || line.seq > last) return line;
    const prevHash = prev ?? line.prevHash;
    prev = chainHash(Buffer.from(prevHash, 'hex'), line.event).toString('hex');
    return { ...line, prevHash, hash: prev };
  });
}

const withCheckpoint = (lines: Lines, index: number, jws: string): Lines => lines.with(index, { kind: 'checkpoint', jws });
const checkpointAt = (index: number): string => (sample.lines[index] as { jws: string }).jws;

describe('an export that nobody touched', () => {
  it('is proven by the checkpoint of its head', async () => {
    expect(await verify(sample.lines)).toEqual({
      ok: true,
      proof: 'proven',
      organization: sample.org,
      events: 10,
      from: { seq: 0, hash: '0'.repeat(64) },
      head: sample.head,
      at: '2026-03-04T05:06:07.000Z',
      filtered: false,
      checkpoints: 3,
      anchors: 0,
      proven: sample.head,
    });
  });

  it('is only a chain without keys, and proven again where its head was noted', async () => {
    expect(await verify(sample.lines, { keys: [] })).toMatchObject({ ok: true, proof: 'chain', checkpoints: 0 });
    const noted = await verify(sample.lines, { keys: [], expectedHead: sample.head });
    expect(noted).toMatchObject({ ok: true, proof: 'proven', proven: sample.head });
  });

  it('is the same with the line ends of Windows, a byte order mark, spaces, and without its last line feed', async () => {
    const spaced = sample.lines.map((line) => JSON.stringify(line, undefined, 1).replaceAll('\n', '')).join('\r\n');
    expect(await verifyFile(`\ufeff${spaced}`)).toMatchObject({ ok: true, proof: 'proven' });
  });

  it('may have members that this version does not know', async () => {
    const newer = await sampleExport({
      signer,
      event: (index, org) => ({ org, version: 2, nested: { z: index, a: [1.5, null] }, '10': 1, '9': 2, ['__proto__']: index }),
    });
    expect(await verify(newer.lines)).toMatchObject({ ok: true, proof: 'proven' });
    const edited = text(newer.lines).replace('"__proto__":3', '"__proto__":4');
    expect(await verifyFile(edited)).toMatchObject({ ok: false, fault: { reason: 'edited', seq: 3 } });
  });

  it('may start behind a record, and agrees with the checkpoints that were kept elsewhere', async () => {
    const fourth = sample.lines[4] as Extract<ExportLine, { kind: 'event' }>;
    const part: Lines = [
      { ...(sample.lines[0] as Extract<ExportLine, { kind: 'export' }>), from: { seq: 4, hash: fourth.hash } },
      ...sample.lines.slice(6, -1),
      { kind: 'end', events: 6, head: sample.head },
    ];
    const anchors = [...sample.checkpoints, ...other.checkpoints].map((jws, index) => ({ name: `anchor ${index}`, jws }));
    expect(await verify(part, { anchors })).toMatchObject({ ok: true, proof: 'proven', events: 6, anchors: 3 });
  });

  it('may hold nothing', async () => {
    const empty = await sampleExport({ signer, events: 0 });
    expect(await verify(empty.lines)).toMatchObject({ ok: true, proof: 'chain', events: 0 });
  });

  it('is verified row by row where it was filtered', async () => {
    const filtered: Lines = [
      { ...(sample.lines[0] as Extract<ExportLine, { kind: 'export' }>), filter: { type: 'x' } },
      ...sample.lines.filter((line) => line.kind === 'event' && [2, 3, 7].includes(line.seq)),
      { kind: 'end', events: 3, head: sample.head },
    ];
    expect(await verify(filtered)).toMatchObject({ ok: true, proof: 'rows', filtered: true, events: 3 });
    expect(await verify(edit(filtered, 7))).toMatchObject({ ok: false, fault: { reason: 'edited', line: 4, seq: 7 } });
    expect(await verify(filtered.with(2, filtered[1] as ExportLine))).toMatchObject({ fault: { reason: 'repeated', line: 3 } });
  });
});

describe('tampering with an export', () => {
  it.each<[string, (lines: Lines) => Lines, object]>([
    ['a field edited', (lines) => edit(lines, 6), { reason: 'edited', line: 8, seq: 6 }],
    ['a field edited, its row rehashed', (lines) => rehashed(edit(lines, 6), 6, 6), { reason: 'unchained', line: 9, seq: 7 }],
    [
      'a field edited, every later row rehashed',
      (lines) => rehashed(edit(lines, 6), 6),
      { reason: 'rewritten', line: 11, seq: 8 },
    ],
    ['the last field edited and rehashed', (lines) => rehashed(edit(lines, 10), 10), { reason: 'rewritten', line: 14, seq: 10 }],
    ['a row deleted', (lines) => without(lines, lineOf(lines, 6)), { reason: 'missing', line: 8, seq: 6 }],
    ['the first row deleted', (lines) => without(lines, 1), { reason: 'missing', line: 2, seq: 1 }],
    ['rows deleted before a checkpoint', (lines) => without(lines, 8, 9), { reason: 'missing', line: 9, seq: 7 }],
    [
      'two rows swapped',
      (lines) => lines.with(7, lines[8] as ExportLine).with(8, lines[7] as ExportLine),
      { reason: 'reordered', line: 8, seq: 6 },
    ],
    ['a row twice', (lines) => lines.toSpliced(8, 0, lines[7] as ExportLine), { reason: 'repeated', line: 9, seq: 6 }],
    [
      'a checkpoint moved behind',
      (lines) => without(lines.toSpliced(8, 0, lines[5] as ExportLine), 5),
      { reason: 'reordered', line: 8, seq: 4 },
    ],
    ['the end cut at a line', (lines) => lines.slice(0, 9), { reason: 'truncated', line: 10, seq: 8 }],
    ['the beginning cut', (lines) => lines.slice(1), { reason: 'truncated', line: 1 }],
    [
      'the end cut and another one written',
      (lines) => [...lines.slice(0, 9), { kind: 'end', events: 7, head: { seq: 7, hash: (lines[8] as { hash: string }).hash } }],
      { reason: 'unsigned_end', line: 10, seq: 5 },
    ],
    ['the last checkpoint removed', (lines) => without(lines, 13), { reason: 'unsigned_end', line: 14, seq: 9 }],
    [
      'every checkpoint removed',
      (lines) => lines.filter(({ kind }) => kind !== 'checkpoint'),
      { reason: 'unsigned_end', seq: 1 },
    ],
    [
      'an end that counts more',
      (lines) => lines.with(14, { kind: 'end', events: 11, head: sample.head }),
      { reason: 'truncated', line: 15 },
    ],
    [
      'an end of another head',
      (lines) => lines.with(14, { kind: 'end', events: 10, head: { seq: 11, hash: sample.head.hash } }),
      { reason: 'truncated', line: 15 },
    ],
    ['something behind the end', (lines) => [...lines, lines[3] as ExportLine], { reason: 'malformed_line', line: 16 }],
    [
      "another organization's row",
      (lines) => lines.with(7, other.lines[7] as ExportLine),
      { reason: 'foreign_organization', line: 8, seq: 6 },
    ],
    [
      "another organization's rows from there on",
      (lines) => [...lines.slice(0, 6), ...other.lines.slice(6)],
      { reason: 'foreign_organization', line: 7, seq: 5 },
    ],
    [
      "another organization's checkpoint",
      (lines) => lines.with(10, other.lines[10] as ExportLine),
      { reason: 'foreign_organization', line: 11, seq: 8 },
    ],
    [
      "another organization's name",
      (lines) => lines.with(0, other.lines[0] as ExportLine),
      { reason: 'foreign_organization', line: 2, seq: 1 },
    ],
  ])('is found: %s', async (_what, tamper, fault) => {
    const verdict = await verify(tamper(sample.lines));
    expect(verdict).toMatchObject({ ok: false, fault });
  });

  it('is found where the whole trail was made anew and signed by another key', async () => {
    const forger = await EphemeralSigner.create();
    const forged = await sampleExport({ signer: forger, org: sample.org });
    expect(await verify(forged.lines)).toMatchObject({ fault: { reason: 'unknown_key', line: 6, seq: 4 } });
  });

  it('is found where a checkpoint is forged: alg none, the public key as a secret, the name of the true key', async () => {
    const [, payload = '', signature = ''] = checkpointAt(5).split('.');
    const headed = (header: object) => `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`;
    const hs256 = headed({ alg: 'HS256', kid: signer.kid, typ: 'keyward-checkpoint' });
    const mac = createHmac('sha256', signer.publicJwk().x ?? '')
      .update(hs256)
      .digest('base64url');
    const forger = await EphemeralSigner.create();
    const named = headed({ alg: 'EdDSA', kid: signer.kid, typ: 'keyward-checkpoint' });
    const bySomebodyElse = (await forger.sign(Buffer.from(named))).toString('base64url');
    const forgeries = [
      `${headed({ alg: 'none', kid: signer.kid, typ: 'keyward-checkpoint' })}.${signature}`,
      `${hs256}.${mac}`,
      `${named}.${bySomebodyElse}`,
    ];
    for (const jws of forgeries)
      expect(await verify(withCheckpoint(sample.lines, 5, jws))).toMatchObject({
        fault: { reason: 'forged_checkpoint', line: 6, seq: 4 },
      });
  });

  it('is found where the trail was rolled back to an older head, by an anchor or a noted head', async () => {
    const older: Lines = [
      ...sample.lines.slice(0, 6),
      { kind: 'end', events: 4, head: { seq: 4, hash: (sample.lines[4] as { hash: string }).hash } },
    ];
    // By itself it is what an export was that somebody made back then.
    expect(await verify(older)).toMatchObject({ ok: true, proof: 'proven', events: 4 });
    const anchors = sample.checkpoints.map((jws, index) => ({ name: `${index}.jws`, jws }));
    const found = { ok: false, fault: { reason: 'rolled_back', line: 7, seq: 5 } };
    expect(await verify(older, { anchors })).toMatchObject(found);
    expect(await verify(older, { expectedHead: sample.head })).toMatchObject(found);
  });

  it('is found by an anchor even where the thief has the signing key', async () => {
    const lines = (await sampleExport({ signer, org: sample.org })).lines;
    const anchors = [{ name: 'kept/000000000008', jws: checkpointAt(10) }];
    const verdict = await verify(lines, { anchors });
    expect(verdict).toMatchObject({
      ok: false,
      fault: { reason: 'rewritten', line: 10, seq: 8, message: expect.stringContaining('kept/000000000008') },
    });
  });

  it('of an anchor is told as such', async () => {
    const forger = await EphemeralSigner.create();
    const { checkpoints } = await sampleExport({ signer: forger, org: sample.org });
    const anchors = [{ name: 'a.jws', jws: checkpoints[0] ?? '' }];
    expect(await verify(sample.lines, { anchors })).toMatchObject({
      fault: { reason: 'unknown_key', line: 0, message: expect.stringContaining('a.jws') },
    });
  });
});

describe('a file that is no export, or is damaged', () => {
  const cases: [string, () => string | Buffer, object][] = [
    ['nothing', () => '', { reason: 'truncated', line: 1 }],
    ['binary garbage', () => Buffer.from([0x1f, 0x8b, 0x08, 0xff, 0xfe, 0x0a, 0x00]), { reason: 'malformed_line', line: 1 }],
    ['UTF-16', () => Buffer.from(`\ufeff${text(sample.lines)}`, 'utf16le'), { reason: 'malformed_line', line: 1 }],
    ['cut in the middle of a line', () => text(sample.lines).slice(0, -700), { reason: 'truncated' }],
    ['damaged in the middle', () => text(sample.lines).replace('"seq":3', '"seq"3'), { reason: 'malformed_line', line: 4 }],
    ['with an empty line', () => text(sample.lines).replace('\n', '\n\n'), { reason: 'malformed_line', line: 2 }],
    ['two exports', () => text([...sample.lines.slice(0, 3), ...sample.lines]), { reason: 'malformed_line', line: 4 }],
    [
      'with a member twice',
      () => text(sample.lines).replace('"number 2"', '"number 2","reason":"number 2"'),
      { reason: 'malformed_line', line: 3 },
    ],
    [
      'with a member twice, deeper',
      () => text(sample.lines).replace('"kind":"service"', '"kind":"admin","kind":"service"'),
      { reason: 'malformed_line', line: 2 },
    ],
    [
      'with minus zero',
      () => text(sample.lines).replace('"number 2"', '"number 2","durationMs":-0'),
      { reason: 'malformed_line', line: 3 },
    ],
    [
      'with a number too large',
      () => text(sample.lines).replace('"number 2"', '"number 2","n":1e400'),
      { reason: 'malformed_line', line: 3 },
    ],
    [
      'with a number too fine',
      () => text(sample.lines).replace('"number 2"', '"number 2","n":9007199254740993'),
      { reason: 'malformed_line', line: 3 },
    ],
    ['with half a character', () => text(sample.lines).replace('"number 2"', '"\\ud800"'), { reason: 'malformed_line', line: 3 }],
    [
      'with a line of another kind',
      () => text(sample.lines).replace('"kind":"event"', '"kind":"evnet"'),
      { reason: 'malformed_line', line: 2 },
    ],
    [
      'with a member of a row that is not one',
      () => text(sample.lines).replace('"seq":2,', '"seq":2,"note":1,'),
      { reason: 'malformed_line', line: 3 },
    ],
    [
      'nested without end',
      () => text(sample.lines).replace('"number 2"', `${'['.repeat(200_000)}${']'.repeat(200_000)}`),
      { line: 3 },
    ],
  ];
  it.each(cases)('is told as such: %s', async (_what, content, fault) => {
    const damaged = content();
    expect(damaged).not.toBe(text(sample.lines));
    expect(await verifyFile(damaged)).toMatchObject({ ok: false, fault });
  });

  it('costs no memory: a line of 100 MB is given up at its first megabyte', async () => {
    let given = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from(text(sample.lines.slice(0, 3)));
      for (; given < 100; given++) yield Buffer.alloc(1_048_576, 'x');
    }
    expect(await verifyExport(readLines(endless()))).toMatchObject({ fault: { reason: 'malformed_line', line: 4 } });
    expect(given).toBeLessThan(4);
  });

  it('is read alike however it comes in pieces', async () => {
    const whole = Buffer.from(text(sample.lines));
    async function* pieces(size: number): AsyncGenerator<Buffer> {
      for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
    }
    for (const size of [1, 7, 4_096]) expect(await verifyExport(readLines(pieces(size)))).toMatchObject({ ok: true, events: 10 });
  });
});
