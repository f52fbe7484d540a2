import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { exportLine } from '@keyward/audit';
import { EphemeralSigner, sampleExport, type SampleExport } from '@keyward/audit/testing';
import { fail } from '../output/fail.js';
import { program } from '../program.js';

const dir = mkdtempSync(join(tmpdir(), 'keyward-cli-audit-'));
const at = (name: string): string => join(dir, name);
let sample: SampleExport;
let text: string;
let written = '';
let door: Server;
let answered: string;

beforeAll(async () => {
  const signer = await EphemeralSigner.create();
  sample = await sampleExport({ signer });
  text = sample.lines.map(exportLine).join('');
  writeFileSync(at('trail.jsonl'), text);
  writeFileSync(at('keys.json'), JSON.stringify({ keys: [signer.publicJwk()] }));
  // Says it is done only where the answer is whole, as audit-service does.
  door = createServer((_request, response) => response.end(answered));
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  process.env['KEYWARD_AUDIT_URL'] = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
  process.env['KEYWARD_TOKEN'] = 'a token';
});
afterAll(() => {
  delete process.env['KEYWARD_AUDIT_URL'];
  delete process.env['KEYWARD_TOKEN'];
  door.close();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  for (const stream of [process.stdout, process.stderr])
    jest.spyOn(stream, 'write').mockImplementation((said) => {
      written += String(said);
      return true;
    });
});
afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = undefined;
});

async function keyward(...args: string[]): Promise<[string, number]> {
  written = '';
  process.exitCode = undefined;
  try {
    await program(args).parseAsync();
  } catch (error) {
    process.exitCode = fail(error);
  }
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  return [written, code];
}

describe('keyward audit verify', () => {
  const verify = (...args: string[]) => keyward('audit', 'verify', ...args);

  it('proves an export with the keys, and ends with 0', async () => {
    const [said, code] = await verify(at('trail.jsonl'), '--keys', at('keys.json'));
    expect([said, code]).toEqual([expect.stringMatching(/^PROVEN[^]*10, seq 1 to 10[^]*3 with a true signature/), 0]);
  });

  it('can not tell without keys, says what to do, and ends with 2', async () => {
    const [said, code] = await verify(at('trail.jsonl'));
    expect([said, code]).toEqual([expect.stringMatching(/^NOT PROVEN[^]*keyward audit keys > keys\.json/), 2]);
  });

  it('names line, record and kind of what is broken, and ends with 1', async () => {
    writeFileSync(at('edited.jsonl'), text.replace('number 6', 'number 9'));
    const [said, code] = await verify(at('edited.jsonl'), '--keys', at('keys.json'));
    expect([said, code]).toEqual([expect.stringMatching(/^BROKEN at line 8, seq 6: .*\(edited\)[^]*5 events[^]*up to seq 4/), 1]);
  });

  it('takes a noted head in place of keys', async () => {
    const { seq, hash } = sample.head;
    expect((await verify(at('trail.jsonl'), '--expect-head', `${seq}:${hash}`))[1]).toBe(0);
    expect((await verify(at('trail.jsonl'), '--expect-head', `${seq}:${'0'.repeat(64)}`))[1]).toBe(1);
    expect((await verify(at('trail.jsonl'), '--expect-head', 'ten'))[1]).toBe(2);
  });

  it('answers the whole verdict as JSON', async () => {
    const [said] = await verify(at('trail.jsonl'), '--keys', at('keys.json'), '--json');
    expect(JSON.parse(said)).toMatchObject({ ok: true, proof: 'proven', head: sample.head });
  });

  it.each([
    ['no file', () => [at('absent.jsonl')]],
    ['keys that are none', () => [at('trail.jsonl'), '--keys', at('trail.jsonl')]],
    ['a directory without checkpoints', () => [at('trail.jsonl'), '--anchors', at('absent')]],
  ])('can not tell with %s', async (_what, args) => {
    expect((await verify(...args()))[1]).toBe(2);
  });
});

describe('keyward audit export', () => {
  const exported = (...args: string[]) => keyward('audit', 'export', '--org', sample.org, ...args);

  it('writes a file for its owner alone, which verifies, and replaces none unasked', async () => {
    answered = text;
    expect((await exported('--file', at('out.jsonl')))[1]).toBe(0);
    expect([readFileSync(at('out.jsonl'), 'utf8'), statSync(at('out.jsonl')).mode & 0o777]).toEqual([text, 0o600]);
    expect((await exported('--file', at('out.jsonl')))[1]).toBe(2);
  });

  it('leaves no file where the answer stops before its end', async () => {
    answered = text.slice(0, -200);
    const [said, code] = await exported('--file', at('half.jsonl'));
    expect([said, code]).toEqual([expect.stringContaining('stopped before its end'), 1]);
    expect([existsSync(at('half.jsonl')), existsSync(at('half.jsonl.part'))]).toEqual([false, false]);
  });
});
