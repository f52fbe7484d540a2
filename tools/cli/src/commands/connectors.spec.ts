import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { fail } from '../output/fail.js';
import { program } from '../program.js';

const description = (paths: object) =>
  JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'Acme API' },
    externalDocs: { url: 'https://docs.acme.example' },
    servers: [{ url: 'https://api.acme.example' }],
    components: { securitySchemes: { it: { type: 'http', scheme: 'bearer' } } },
    paths,
  });
const operation = (summary: string, more: object = {}) => ({
  get: { summary, responses: { 200: { description: 'ok' } }, ...more },
});
const FIRST = description({
  '/a': operation('Lists a'),
  '/b': operation('Lists b'),
  '/c': operation('Old', { deprecated: true }),
});
const SECOND = description({ '/a': operation('Lists all of a'), '/d': operation('Lists d') });

let dir: string;
let written: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-cli-import-'));
  written = '';
  process.exitCode = undefined;
  for (const stream of [process.stdout, process.stderr])
    jest.spyOn(stream, 'write').mockImplementation((text) => {
      written += String(text);
      return true;
    });
});
afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = undefined;
  rmSync(dir, { recursive: true });
});

/** @returns what was said, and the exit code */
async function keyward(...args: string[]): Promise<[string, number]> {
  written = '';
  process.exitCode = undefined;
  try {
    await program(args).parseAsync();
  } catch (error) {
    process.exitCode = fail(error);
  }
  const code = process.exitCode;
  process.exitCode = undefined;
  return [written.replaceAll(dir, ''), Number(code ?? 0)];
}

function source(text: string): string {
  writeFileSync(join(dir, 'acme.json'), text);
  return join(dir, 'acme.json');
}

const imported = (text: string, ...more: string[]) =>
  keyward('connectors', 'import', source(text), '--out', join(dir, 'out'), ...more);

describe('keyward connectors', () => {
  it('import makes a connector that check passes, and says what it left out', async () => {
    const [said, code] = await imported(FIRST);
    expect([code, said]).toEqual([
      0,
      expect.stringContaining('acme: 2 tools of a source with 3 operations (OpenAPI 3.1.0)\n1 left out: deprecated\n'),
    ]);
    expect(readFileSync(join(dir, 'out/acme/tools.yaml'), 'utf8')).toContain('name: acme_list_a');
    expect(await keyward('connectors', 'check', join(dir, 'out/acme'))).toEqual([
      expect.stringContaining('1 providers, 2 tools, 0 problems'),
      0,
    ]);
  });

  it('import of what has changed says how; --check tells it by the exit code, and --dry-run writes nothing', async () => {
    await imported(FIRST);
    expect(await imported(FIRST, '--check')).toEqual([expect.stringContaining('is up to date.'), 0]);
    const before = readFileSync(join(dir, 'out/acme/tools.yaml'), 'utf8');
    const [said, code] = await imported(SECOND, '--check');
    expect([code, said]).toEqual([
      1,
      expect.stringContaining('+ acme_list_d\n- acme_list_b\n~ acme_list_a: title, description\n'),
    ]);
    expect((await imported(SECOND, '--dry-run'))[1]).toBe(0);
    expect(readFileSync(join(dir, 'out/acme/tools.yaml'), 'utf8')).toBe(before);
    await imported(SECOND);
    expect(await imported(SECOND, '--check')).toEqual([expect.stringContaining('is up to date.'), 0]);
  });

  it('check says where something is wrong in one connector, whatever is beside it', async () => {
    await imported(FIRST);
    await imported(FIRST, '--name', 'beside');
    const file = join(dir, 'out/acme/tools.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('effect: read', 'effect: reed'));
    expect(await keyward('connectors', 'check', join(dir, 'out/acme'))).toEqual([
      expect.stringMatching(/out\/acme\/tools.yaml:\d+ \(\/0\/effect\)/),
      1,
    ]);
    expect((await keyward('connectors', 'check', join(dir, 'out/beside')))[1]).toBe(0);
  });

  it('add sends no part of a connector whose tools stand in several files', async () => {
    await imported(
      description(Object.fromEntries(Array.from({ length: 460 }, (_, index) => [`/x${index}`, operation('Lists')]))),
    );
    expect(await keyward('connectors', 'add', join(dir, 'out/acme'))).toEqual([expect.stringContaining('--max-tools'), 1]);
  });

  it('what can not be imported is told with what to do next', async () => {
    expect(await keyward('connectors', 'import', join(dir, 'none.json'))).toEqual([
      'keyward: There is no file /none.json.\nName a file or an https address.\n',
      1,
    ]);
    expect(await imported(FIRST, '--token-env', 'KEYWARD_NO_SUCH_VARIABLE')).toEqual([expect.stringContaining('is not set'), 2]);
    expect(await imported(FIRST, '--max-tools', '0')).toEqual([expect.stringContaining('a number above 0'), 2]);
  });
});
