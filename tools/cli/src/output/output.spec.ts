import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ApiError } from '@keyward/sdk';
import { fail, Hint, Usage } from './fail.js';
import { Output } from './output.js';

/** Clears the screen, sets the title, reads backwards, begins a line of its own: 7-bit and 8-bit (ECMA-48), and Unicode's bidi. */
const HOSTILE = 'a\u001b[2Jb\u009b2Jc\u001b]0;x\u0007d\u202ee\u2066f\u007f\r\u2028g';
const DANGEROUS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

let written = '';
beforeEach(() => {
  written = '';
  const write = (text: unknown): boolean => {
    written += String(text);
    return true;
  };
  jest.spyOn(process.stdout, 'write').mockImplementation(write);
  jest.spyOn(process.stderr, 'write').mockImplementation(write);
});
afterEach(() => void jest.restoreAllMocks());

describe('what somebody else chose reaches the terminal as text and nothing else', () => {
  const problem = { code: HOSTILE, detail: HOSTILE, errors: [{ pointer: `/${HOSTILE}`, detail: HOSTILE }], connectUrl: HOSTILE };
  it.each<[string, () => unknown]>([
    ['a refusal of the API', () => fail(new ApiError('GET /', 400, problem))],
    ['any other error', () => fail(new Error(HOSTILE))],
    ['a hint', () => fail(new Hint(HOSTILE, HOSTILE))],
    ['what was typed wrong', () => fail(new Usage(HOSTILE))],
    ['a line', () => new Output(false).say(HOSTILE)],
    ['a table', () => new Output(false).table([HOSTILE], { NAME: (text) => text }, '')],
    ['JSON', () => new Output(true).answer({ [HOSTILE]: HOSTILE }, () => undefined)],
    ['the output of a tool', () => new Output(false).value({ [HOSTILE]: HOSTILE })],
  ])('%s', (_what, tell) => {
    tell();
    expect(written).toContain('2J');
    expect(written.split('\n').filter((line) => DANGEROUS.test(line))).toEqual([]);
  });

  it('of a refusal no line is made up', () => {
    fail(new ApiError('GET /', 400, { detail: 'no\nkeyward: all is well', code: 'invalid_request' }));
    expect(written.trimEnd().split('\n')).toHaveLength(1);
  });

  it('a code that is the name of something else is only told', () => {
    expect(fail(new ApiError('GET /', 500, { detail: 'no', code: 'constructor' }))).toBe(1);
    expect(written).toBe('keyward: no (constructor)\n');
  });

  it('and JSON means the same', () => {
    new Output(true).answer({ [HOSTILE]: [HOSTILE, 'ü😀'] }, () => undefined);
    expect(JSON.parse(written)).toEqual({ [HOSTILE]: [HOSTILE, 'ü😀'] });
    expect(written).toContain('ü😀');
  });

  it('lines of ours stay lines', () => {
    fail(new Hint('Which?', 'Name one:\n  a\n  b'));
    expect(written).toBe('keyward: Which?\nName one:\n  a\n  b\n');
  });
});

describe('a table', () => {
  it('has columns as wide as what is widest in them, on a terminal', () => {
    const rows = [
      ['a', '日本'],
      ['bcd', null],
      ['', 'x'],
    ] as const;
    new Output(false).table(rows, { ONE: ([one]) => one, TWO: ([, two]) => two, END: () => '.' }, '');
    expect(written).toBe('ONE  TWO   END\na    日本  .\nbcd  –     .\n     x     .\n');
  });

  it('of tens of thousands of rows is there in a moment', () => {
    const begun = performance.now();
    const rows = Array.from({ length: 30_000 }, (_, row) => `conn_${row}`);
    const id = (row: string) => row;
    new Output(false).table(rows, { A: id, B: id, C: id, D: id, E: id, F: id }, '');
    expect(written.split('\n')).toHaveLength(30_002);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
